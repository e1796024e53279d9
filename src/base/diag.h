/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Findings about the operator's documents: collected, sorted, capped, then printed by cli/ alone.
 * A finding has a stable code, a place (file:line:column and JSON pointer), a sentence that says what
 * is wrong and one that says what to do.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/arena.h"

enum diag_severity { DIAG_ERROR = 1, DIAG_WARNING };

/* Where something stands. line and column count from 1, column in characters; 0 = unknown. */
struct diag_place {
	const char *file;    /* as the operator named it, relative to the site folder's parent */
	unsigned line;
	unsigned column;
	unsigned width;      /* characters to underline, at least 1 when line is known */
	const char *pointer; /* RFC 6901, "" = whole document, NULL = unknown */
	const char *text;    /* the source line, without its newline; NULL = unknown or too long to show */
};

struct diag {
	const char *code; /* stable, lower-case words with hyphens */
	enum diag_severity severity;
	struct diag_place place;
	const char *message; /* what is wrong */
	const char *help;    /* what to do; NULL = nothing to add */
};

#define DIAG_MAX 1000u /* findings kept; further ones are counted */

struct diag_list {
	struct arena *arena; /* owns every string */
	struct diag *items;
	size_t count;
	size_t capacity;
	size_t kept_errors;
	size_t errors;   /* all of them, kept or not */
	size_t warnings;
};

void diag_init(struct diag_list *list, struct arena *arena);

/*
 * Would a further finding be kept? Asked before a place is looked up at some cost. When the list is
 * full, an error still takes the place of a warning.
 */
bool diag_wants(const struct diag_list *list, enum diag_severity severity);

/*
 * Adds a finding; strings of `place` must outlive the arena or be in it, `code` is a literal. place =
 * NULL: the finding is about no place in particular.
 */
__attribute__((format(printf, 6, 7)))
void diag_add(struct diag_list *list, enum diag_severity severity, const char *code,
	      const struct diag_place *place, const char *help, const char *format, ...);

/* By file, line, column, then in the order found. */
void diag_sort(struct diag_list *list);

/* The text form of rule-documents.md; colour: ANSI escapes. Ends with a count of what was not kept. */
void diag_print(const struct diag_list *list, FILE *out, bool colour);

/* Sorted, on the standard error, in colours if that is a terminal. */
void diag_show(struct diag_list *list);
