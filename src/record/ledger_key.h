/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * A subject as one text: its kind, then its fields, each behind a separator. Texts that are equal name the same
 * subject. What is too long is cut; a separator inside a field is replaced.
 */
#include "record/ledger.h"

#define LEDGER_KEY_MAX 512u
#define LEDGER_NOTE_MAX 512u
#define LEDGER_TEXT_MAX 512u /* of a moment */

/* Returns the key's hash, never 0. */
uint64_t ledger_key_pack(const struct ledger_subject *subject, unsigned source, char ret[static LEDGER_KEY_MAX]);

/* The fields point into `key`, which is cut up for it. */
void ledger_key_unpack(char key[static LEDGER_KEY_MAX], struct ledger_subject *ret);
