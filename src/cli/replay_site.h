/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The policy that a replay is held against: a compiled site, its dates taken out or not, and with
 * --as one rule made to fit every connection of the capture.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/diag.h"
#include "capture/headers.h"
#include "cli/traffic.h"
#include "policy/compile.h"
#include "policy/documents.h"

/* A conduit as the replay looks it up. */
struct replay_conduit {
	struct endpoint server; /* port 0 */
	struct endpoint device;
	uint32_t number;
	bool inspected;
	uint8_t program;        /* enum program_protocol of an inspected one */
	uint8_t datagrams;      /* RULESET_UDP_*: what its rules let come by UDP */
	const char *rules;      /* ids */
	uint32_t only_rule;     /* index in the program, when it has just one; else CORE_NO_RULE */
};

struct replay_site {
	struct arena *arena;
	struct compiled compiled;
	uint8_t *program;       /* what the core is given */
	size_t program_size;
	struct replay_conduit *conduits;
	size_t conduit_count;
};

/*
 * Compiles a site folder as of `now`. 0; 1: findings (in diags); negative errno: the folder cannot
 * be read. Without `dated`, rules are open at any time.
 */
__attribute__((warn_unused_result))
int replay_site_load(const char *folder, bool dated, int64_t now, struct arena *arena,
		     struct diag_list *diags, struct replay_site *ret);

/* The same from documents that are read already. */
__attribute__((warn_unused_result))
int replay_site_compile(const struct documents *documents, bool dated, int64_t now, struct arena *arena,
			struct diag_list *diags, struct replay_site *ret);

/*
 * Makes the rule `id` the only one, for every connection of these pairs (ends of the devices with
 * their ports). NULL, or why that cannot be.
 */
const char *replay_site_narrow(struct replay_site *site, const char *id,
			       const struct replay_conduit *pairs, size_t pair_count);

/* The same with a rule of its own for each pair; a pair whose rule is not there has none. */
const char *replay_site_assign(struct replay_site *site, const char *const *ids, const struct replay_conduit *pairs,
			       size_t pair_count);

/* The conduit of a connection, or NULL. */
const struct replay_conduit *replay_site_find(const struct replay_site *site,
					      const struct endpoint *server,
					      const struct endpoint *device);

/* The conduit that a datagram of this kind (RULESET_UDP_*) belongs to, whoever of the two sent it; or NULL. */
const struct replay_conduit *replay_site_find_datagram(const struct replay_site *site, uint8_t kind,
						       const struct udp_datagram *datagram);

/* The id of a rule of the program, NULL for CORE_NO_RULE. */
const char *replay_site_rule(const struct replay_site *site, uint32_t rule);
