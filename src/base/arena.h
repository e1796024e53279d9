/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Memory for one invocation: everything is allocated from an arena and freed with it. A failed
 * allocation ends the program with a message (the compiler is a batch job); never used by the core or
 * inside the inspector.
 */
#include <stddef.h>
#include <stdint.h>

struct arena_block;
struct arena {
	struct arena_block *blocks;
	size_t left; /* bytes free in the newest block */
	char *text;  /* where the next short text goes */
	size_t text_left;
};

/* Zeroed, aligned for any type. */
void *arena_alloc(struct arena *arena, size_t size);

/* arena_alloc() of count * size bytes; an overflow is a failed allocation. */
void *arena_array(struct arena *arena, size_t count, size_t size);

/* A copy of so many rows; NULL when there is none. */
void *arena_copy(struct arena *arena, const void *rows, size_t count, size_t size);

/* A copy of len bytes with a NUL behind it. */
char *arena_strndup(struct arena *arena, const char *text, size_t len);

__attribute__((format(printf, 2, 3))) char *arena_printf(struct arena *arena, const char *format, ...);

void arena_free(struct arena *arena);
