/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * A single EtherNet/IP request that `explain` is asked about: read from options, put together as the bytes
 * that a client would send, and put to the inspector's own decoder and matcher, along every route that the
 * rules know. The values of a write are not judged. A cyclic connection is asked for by what it names.
 */
#include "cli/explain_ask.h"
#include "protocol/cip_connection.h"

#define CIP_ASK_BYTES 300u
#define CIP_ASK_OBJECTS 8u

/* As written, or NULL. */
struct cip_ask_object {
	const char *class, *instance;
};

struct cip_ask {
	const char *service, *attribute, *read_tag, *write_tag; /* as written, or NULL */
	const char *pccc, *data_file;
	struct cip_ask_object objects[CIP_ASK_OBJECTS];         /* from the outside in */
	size_t object_count;
	const char *io, *assembly, *rpi;
	struct cip_cyclic cyclic;   /* of --io */
	uint8_t bytes[CIP_ASK_BYTES];
	size_t size;
};

/* Takes the option at argv[*i] when it is one of these. NULL and *ret_taken, or what is wrong with it. */
const char *cip_ask_option(struct cip_ask *ask, int argc, char **argv, int *i, bool *ret_taken);

static inline bool cip_ask_wanted(const struct cip_ask *ask)
{
	return ask->service || ask->object_count || ask->attribute || ask->read_tag || ask->write_tag ||
	       ask->pccc || ask->data_file || ask->io || ask->assembly || ask->rpi;
}

/* Builds the request. NULL, or which option is missing or impossible. */
const char *cip_ask_build(struct cip_ask *ask, struct arena *arena);

/* "read-tag Line3.Rate", "get-attribute-single, class identity, instance 1"; one object behind another: " / " */
const char *cip_ask_text(const struct cip_ask *ask, struct arena *arena);

/* What the inspector decides about it on the conduit of that number. */
void cip_ask_conduit(const struct cip_ask *ask, const struct ask_site *site, uint32_t conduit, int64_t wall,
		     struct answer *ret);
