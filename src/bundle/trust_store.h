/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The trust document of a box, STATE/trust.json: the envelope as it was signed. From the first one on only signed
 * bundles are applied. It was judged when it came and is not judged again when it is read.
 */
#include "bundle/trust.h"

#define TRUST_FILE "trust.json"

/* Is there one? What cannot be looked at counts as one. */
bool trust_store_exists(const char *state);

/* 0; -ENOENT: none; -EBADMSG: it is damaged, with findings. */
__attribute__((warn_unused_result))
int trust_store_load(const char *state, struct arena *arena, struct diag_list *diags, struct trust *ret);

/* In one step. Negative errno: the former one, or none, is still there. */
__attribute__((warn_unused_result))
int trust_store_put(const char *state, const struct envelope *envelope);
