/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* What payloads of several kinds have in common. Inside bundle/ only; findings are "payload". */
#include "json/bind.h"

#define SERIAL_MAX (INT64_C(1) << 53) /* what every JSON reader takes as a whole number */
#define INSTANT_SIZE 21u              /* "2026-11-25T22:00:00Z" and a NUL */

void payload_format_instant(int64_t instant, char out[static INSTANT_SIZE]);

/* A finding at a value; returns false. */
__attribute__((format(printf, 4, 5)))
bool payload_refuse(const struct binder *b, const struct value *at, const char *help, const char *format, ...);

/* 1 .. SERIAL_MAX. */
bool payload_serial(const struct binder *b, const struct value *at, int64_t *ret);

/* "YYYY-MM-DD"; at = NULL: `otherwise`. */
bool payload_day(const struct binder *b, const struct value *at, int64_t otherwise, int64_t *ret);

/* "YYYY-MM-DDTHH:MM:SSZ", as seconds UTC. */
bool payload_instant(const struct binder *b, const struct value *at, int64_t *ret);

/* A text for people: not empty, one line, no control characters, no blanks around it. */
bool payload_text(const struct binder *b, const struct value *at, const char **ret);
