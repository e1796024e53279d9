/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The narrowest "allow" of a rule that covers requests that were seen: functions, units and ranges, tags and elements,
 * objects, routes. Ranges that touch become one; nothing that was not seen is added, but what entries of one rule are
 * made of: each unit of a list with each of its ranges. Each entry's note says what it is based on, and whether
 * it controls the device. Requests come in the ledger's words (service, and parts as JSON).
 */
#include "base/arena.h"
#include "json/writer.h"
#include "protocol/program.h"

struct learn_use {
	enum program_protocol protocol;
	const char *service;
	const char *parts;
	uint64_t count;
	int64_t first, last;  /* seconds UTC */
};

enum learn_result {
	LEARN_TAKEN = 0,
	LEARN_COMES_ALONG, /* with any entry: sessions, connections to the message router */
	LEARN_CANNOT       /* no entry can say it */
};

struct learn_group;

struct learn {
	struct arena *arena;
	struct learn_group *groups;
	size_t count, capacity;
};

enum learn_result learn_add(struct learn *learn, const struct learn_use *use);

/* The list of entries. */
void learn_write(const struct learn *learn, struct writer *w);

/* Is there an entry that controls the device, or of which nobody knows what it does? */
bool learn_controls(const struct learn *learn);
