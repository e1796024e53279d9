/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* The parts of policy.json (what it is stands in policy_json.c) that the permit list has, too. Inside policy/ only. */
#include "json/writer.h"
#include "policy/cip_entry.h"
#include "policy/model.h"

/* A member with numbers and ranges; nothing for an empty list. */
void policy_json_ranges(struct writer *w, const char *name, const struct range_list *list);

/* A member with { min, max } of each interval. */
void policy_json_intervals(struct writer *w, const char *name, const struct value_list *list);

/* An entry of an EtherNet/IP rule; `routes`: those of its rule. */
void policy_json_cip(struct writer *w, const struct cip_entry *entry, const struct cip_route_list *routes);

/* Members of a rule: "schedule", where it has one, and "allow", where it is inspected. */
void policy_json_schedules(struct writer *w, const struct rule *rule);
void policy_json_allow(struct writer *w, const struct rule *rule);

/* A member with the asset and its address. */
void policy_json_end(struct writer *w, const char *name, const struct asset *asset);
