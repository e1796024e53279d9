/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Canonical JSON: one text for one value, so that it can be signed. Members sorted by the bytes of their names,
 * no white space, only what must be escaped is, whole numbers only (docs/design/bundles.md).
 */
#include "json/value.h"

/* Writes a value; false when it has no canonical form: another number, or a member twice. */
bool canonical_write(FILE *out, const struct value *value);

/* The same into the arena, with a NUL behind; NULL when there is no such form. */
char *canonical_text(const struct value *value, struct arena *arena, size_t *ret_len);

/*
 * Reads a text that must be its own canonical form. NULL otherwise, with a finding at `file`: "syntax", or
 * "not-canonical". The text must outlive the tree.
 */
const struct value *canonical_parse(const char *file, const char *text, size_t len, struct arena *arena,
				    struct diag_list *diags);
