/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK_SIZE (64u << 10)
#define TEXT_SIZE (4u << 10) /* taken at once for short texts, which need no alignment */

struct arena_block {
	struct arena_block *next;
	size_t size;
	alignas(max_align_t) unsigned char bytes[];
};

static _Noreturn void out_of_memory(void)
{
	static const char message[] = "gatehouse: out of memory\n";

	/* stdio could need memory itself */
	if (write(STDERR_FILENO, message, sizeof(message) - 1) < 0)
		_exit(3);
	_exit(3);
}

static struct arena_block *block_new(size_t size)
{
	struct arena_block *block;

	if (size > SIZE_MAX - sizeof(*block))
		out_of_memory();
	block = calloc(1, sizeof(*block) + size);
	if (!block)
		out_of_memory();
	block->size = size;
	return block;
}

/* A block of its own behind the newest one, whose free bytes stay in use. */
static void *alloc_large(struct arena *arena, size_t size)
{
	struct arena_block *block = block_new(size);

	if (arena->blocks) {
		block->next = arena->blocks->next;
		arena->blocks->next = block;
	} else {
		arena->blocks = block;
		arena->left = 0;
	}
	return block->bytes;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	const size_t align = alignof(max_align_t);
	struct arena_block *block;
	void *at;

	if (size > SIZE_MAX - align)
		out_of_memory();
	size = (size + align - 1) / align * align;
	if (size > BLOCK_SIZE / 4 && size > arena->left)
		return alloc_large(arena, size);
	if (size > arena->left || !arena->blocks) {
		block = block_new(BLOCK_SIZE);
		block->next = arena->blocks;
		arena->blocks = block;
		arena->left = BLOCK_SIZE;
	}
	at = arena->blocks->bytes + (arena->blocks->size - arena->left);
	arena->left -= size;
	return at;
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes))
		out_of_memory();
	return arena_alloc(arena, bytes);
}

void *arena_copy(struct arena *arena, const void *rows, size_t count, size_t size)
{
	return count ? memcpy(arena_array(arena, count, size), rows, count * size) : NULL;
}

static char *text_alloc(struct arena *arena, size_t size)
{
	char *at;

	if (size > TEXT_SIZE / 8)
		return arena_alloc(arena, size);
	if (size > arena->text_left) {
		arena->text = arena_alloc(arena, TEXT_SIZE);
		arena->text_left = TEXT_SIZE;
	}
	at = arena->text;
	arena->text += size;
	arena->text_left -= size;
	return at;
}

char *arena_strndup(struct arena *arena, const char *text, size_t len)
{
	char *copy;

	if (len == SIZE_MAX)
		out_of_memory();
	copy = text_alloc(arena, len + 1);
	if (len)
		memcpy(copy, text, len);
	return copy;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	va_list args;
	char *text;
	int len;

	va_start(args, format);
	len = vasprintf(&text, format, args);
	va_end(args);
	if (len < 0)
		out_of_memory();
	char *copy = arena_strndup(arena, text, (size_t)len);
	free(text);
	return copy;
}

void arena_free(struct arena *arena)
{
	struct arena_block *next;

	for (struct arena_block *block = arena->blocks; block; block = next) {
		next = block->next;
		free(block);
	}
	*arena = (struct arena){ 0 };
}
