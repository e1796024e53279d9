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

struct writer {
	FILE *out;
	bool pretty;
	unsigned depth;  /* at most 63 */
	uint64_t maps;   /* bit d: depth d is a map */
	bool first;      /* no member or element written yet at this depth */
	bool named;      /* a name was written, its value comes next */
};

/* pretty: one member a line; otherwise one line (JSON Lines), no newline at the end in either. */
void writer_init(struct writer *w, FILE *out, bool pretty);
void writer_open_map(struct writer *w);
void writer_close_map(struct writer *w);
void writer_open_list(struct writer *w);
void writer_close_list(struct writer *w);
void writer_name(struct writer *w, const char *name);
void writer_text(struct writer *w, const char *text); /* NULL writes null */
void writer_int(struct writer *w, int64_t value);
void writer_uint(struct writer *w, uint64_t value);
void writer_real(struct writer *w, double value);     /* shortest form that reads back the same */
void writer_bool(struct writer *w, bool value);

/* A member in one call. */
void writer_put_text(struct writer *w, const char *name, const char *text);
void writer_put_int(struct writer *w, const char *name, int64_t value);
void writer_put_uint(struct writer *w, const char *name, uint64_t value);
void writer_put_bool(struct writer *w, const char *name, bool value);
