/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Writes JSON to a stream, deterministically: members in the order of the calls, two spaces of
 * indentation or none. Names and text are escaped; text that is not valid UTF-8 has U+FFFD in place of
 * the bad bytes. Misuse (a name outside a map) is a programming error and aborts.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json_writer {
	FILE *out;
	bool pretty;
	unsigned depth;
	bool first;      /* no member or element written yet at this depth */
	bool named;      /* a name was written, its value comes next */
};

/* pretty: one member a line; otherwise one line (JSON Lines), no newline at the end in either. */
void json_writer_init(struct json_writer *w, FILE *out, bool pretty);
void json_open_map(struct json_writer *w);
void json_close_map(struct json_writer *w);
void json_open_list(struct json_writer *w);
void json_close_list(struct json_writer *w);
void json_name(struct json_writer *w, const char *name);
void json_text(struct json_writer *w, const char *text); /* NULL writes null */
void json_int(struct json_writer *w, int64_t value);
void json_uint(struct json_writer *w, uint64_t value);
void json_real(struct json_writer *w, double value);     /* shortest form that reads back the same */
void json_bool(struct json_writer *w, bool value);

/* A member in one call. */
void json_put_text(struct json_writer *w, const char *name, const char *text);
void json_put_int(struct json_writer *w, const char *name, int64_t value);
void json_put_uint(struct json_writer *w, const char *name, uint64_t value);
void json_put_bool(struct json_writer *w, const char *name, bool value);
