/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * A quick look at a text that spares most documents jansson's judgement, which builds a tree of its own and takes
 * most of the time of a large site: true only of text that jansson accepts for certain. Everything else, rare
 * forms (escapes by number, exponents, long numbers, deep nesting) as well as mistakes, is jansson's to judge.
 * Inside json/ only.
 */
#include <stdbool.h>
#include <stddef.h>

/* What a text holds, empty containers counted twice among the values. */
struct json_size {
	size_t values, containers;
};

/* text: len bytes and a NUL. ret is good only when it is true. */
bool plain_json(const char *text, size_t len, struct json_size *ret);
