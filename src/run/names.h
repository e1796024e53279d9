/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The operator's names for what the machine has numbers for: assets, rules, people. Read-only views of a
 * compiled policy; whatever has no name is NULL, never a guess.
 */
#include <stdint.h>

#include "policy/compile.h"
#include "policy/model.h"

/* A conduit by its number, or NULL. */
const struct ruleset_conduit *names_conduit(const struct compiled *compiled, uint32_t number);

/* The protocol of an inspected conduit. */
const char *names_protocol(const struct compiled *compiled, uint32_t number);

/* The asset's id at an address. */
const char *names_asset(const struct compiled *compiled, const struct address *address);

/* The id of a rule by its index in the program. */
const char *names_rule(const struct compiled *compiled, uint32_t index);

/* Who owns a rule: the person's name and contact ("OT controls group, ext. 4410"), in `text`. */
const char *names_owner(const struct compiled *compiled, const char *rule, char *text, size_t size);
