/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Is an EtherNet/IP request allowed? It is when one entry of one open rule of its conduit covers all of
 * it: service and whole path, tag and elements, route, values. When not, the reason is that of the entry
 * that came nearest. Each innermost request is asked for by itself.
 */
#include "inspect/match.h"
#include "inspect/program.h"
#include "protocol/cip_connection.h"

struct cip_question {
	const struct program *program;
	const struct program_conduit *conduit;
	struct program_time time;
	const struct cip_path *routes[2]; /* of the connection, then of the Unconnected Send; NULL: none */
	const struct cip_path *tag;       /* what a tag's service names, symbols first; NULL: not known */
	bool endless;                     /* only what names no elements of a tag counts */
	const struct cip_cyclic *cyclic;  /* of match_cip_cyclic() */
	bool start;                       /* only service and path are known: could it be allowed? */
};

/* One innermost request that is no carrier. */
void match_cip(const struct cip_question *q, const struct cip_request *r, struct match *ret);

/* List Identity. */
void match_cip_identity(const struct cip_question *q, struct match *ret);

/* What comes with any entry: session handling, and closing a connection of one's own. */
void match_cip_session(const struct cip_question *q, struct match *ret);

/* A Forward Open of class 3 to the message router: along the route of any entry. */
void match_cip_open(const struct cip_question *q, struct match *ret);

/* A cyclic connection, along the question's route. */
void match_cip_cyclic(const struct cip_question *q, const struct cip_cyclic *asked, struct match *ret);
