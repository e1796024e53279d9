/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What rules allow, in the words of people: one line each, for `explain` and `plan`. The texts are in the
 * arena; the same rule gives the same text.
 */
#include "base/arena.h"
#include "policy/model.h"

/* "read-holding-registers", or "function 100". */
const char *describe_function(const struct entry *entry, struct arena *arena);

/* "any", "1" or "1, 3-7". */
const char *describe_units(const uint32_t units[static 8], struct arena *arena);

/* "0-99, 200"; "any" for an empty list. */
const char *describe_ranges(const struct range_list *list, struct arena *arena);

/* "0 to 1500", "1, 2 or 7 (int32, low word first)"; "any" without limits. */
const char *describe_values(const struct entry *entry, struct arena *arena);

/* "write-single-register, unit 1, addresses 120, values 0 to 1500" */
const char *describe_entry(const struct entry *entry, struct arena *arena);

/* "mon-fri 06:00-18:00; sat 08:00-12:00"; NULL: at any time. */
const char *describe_schedule(const struct rule *rule, struct arena *arena);

/* The i-th allowed service of a rule, its own and then its profile's; NULL behind the last one. */
const struct entry *rule_entry(const struct rule *rule, size_t i);
size_t rule_entry_count(const struct rule *rule);

/* The same for EtherNet/IP: "read-tags Line3.Rate", "get-attribute-single, class identity, instances 1, ..." */
const char *describe_cip(const struct cip_entry *entry, struct arena *arena);
const char *describe_cip_name(const struct cip_entry *entry, struct arena *arena);
const char *describe_file(const struct pccc_file *file, struct arena *arena);
const char *describe_route(const struct cip_route *route, struct arena *arena);
const char *describe_routes(const struct cip_route_list *list, struct arena *arena);
const struct cip_entry *rule_cip(const struct rule *rule, size_t i);
size_t rule_cip_count(const struct rule *rule);

/* RULESET_UDP_*: what it allows that comes by UDP: asking the device what it is, cyclic connections. */
uint8_t rule_datagrams(const struct rule *rule);
