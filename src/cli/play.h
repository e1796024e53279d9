/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Plays the connections of a capture through the decision core under a policy, and tells of each message what
 * became of it. Nothing here prints.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/replay_site.h"
#include "cli/stage.h"
#include "cli/traffic.h"

struct play {
	struct ports ports;
	const struct replay_site *site;
	bool dated;                /* rules are judged as of `at`, else as of the capture's time */
	int64_t at;
	struct stage stage;
	struct past_list past;
	size_t begun;              /* connections of known protocols so far */
	bool out_of_memory;
	struct replay_conduit *pairs; /* of play_pairs() */
	size_t pair_count;
	/* conduit NULL: no rule. Verdicts name rules by their position in the program. */
	void (*judged)(void *context, const struct replay_conduit *conduit, const struct message *message,
		       const struct stage_verdict *verdict);
	void *context;
};

/* Which servers ask which devices on ports of known protocols: fills `pairs`. As traffic_read(). */
__attribute__((warn_unused_result))
int play_pairs(struct play *play, const char *path, char *error, size_t error_size);

/* A fresh core with the site's program: -ENOEXEC, it does not take it. */
__attribute__((warn_unused_result)) int play_load(struct play *play);

/* As traffic_read(). */
__attribute__((warn_unused_result))
int play_capture(struct play *play, const char *path, struct traffic *ret, char *error, size_t error_size);

void play_free(struct play *play);
