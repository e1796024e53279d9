/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON values that know where they stand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "json/plain.h"
#include "json/value.h"
#include "json/writer.h"

static const char document[] = "{\"a\": [1, -2.5e1, true,\n\tnull, \"\xc3\xa9\\n\\u0041\"],\n"
			       " \"b/c\": {\"~\": 99999999999999999999}, \"a\": []}";

static struct value *parse(struct arena *arena, struct diag_list *diags, const char *text, size_t len)
{
	const struct value_source source = { .file = "f.json", .text = text, .len = len };

	diag_init(diags, arena);
	return value_parse(&source, arena, diags);
}

static void values_and_places(void **state)
{
	struct arena arena = { 0 };
	struct diag_list diags;
	const struct value *root = parse(&arena, &diags, document, sizeof(document) - 1);
	const struct value *list = value_member(root, "a"), *deep;
	struct diag_place place;

	assert_non_null(list);
	assert_int_equal(root->count, 3); /* the duplicate member is kept */
	assert_int_equal(list->count, 5);
	assert_int_equal(list->items[0].integer, 1);
	assert_true(list->items[1].real < -24.9 && list->items[1].real > -25.1);
	assert_true(list->items[2].boolean);
	assert_int_equal(list->items[3].type, VALUE_NULL);
	assert_string_equal(list->items[4].text, "\xc3\xa9\nA");
	place = value_place(&list->items[4], &arena);
	assert_int_equal(place.line, 2);
	assert_int_equal(place.column, 8);
	assert_int_equal(place.width, 11);
	assert_string_equal(place.pointer, "/a/4");
	deep = value_member(value_member(root, "b/c"), "~");
	assert_int_equal(deep->type, VALUE_REAL);
	place = value_name_place(deep, &arena);
	assert_int_equal(place.line, 3);
	assert_int_equal(place.column, 10);
	assert_string_equal(place.pointer, "/b~1c/~0");
	arena_free(&arena);
}

static void every_prefix_is_refused(void **state)
{
	for (size_t len = 0; len < sizeof(document) - 1; len++) {
		struct arena arena = { 0 };
		struct diag_list diags;
		char *text = calloc(1, len + 1);

		memcpy(text, document, len);
		assert_null(parse(&arena, &diags, text, len));
		assert_int_equal(diags.errors, 1);
		assert_string_equal(diags.items[0].code, "syntax");
		assert_true(diags.items[0].place.line >= 1);
		arena_free(&arena);
		free(text);
	}
}

/* What is marked of a value: its own characters, of the first line at most. */
static void widths(void **state)
{
	static const char text[] = "[12, -3.5 ,true,\"a]\\\"\xc3\xa9\", [1,{\"]\":\"}\"}] , {\"na\\\"me\":{\n}},[]]";
	static const unsigned wanted[] = { 2, 4, 4, 7, 13, 11, 2 };
	struct arena arena = { 0 };
	struct diag_list diags;
	const struct value *list = parse(&arena, &diags, text, strlen(text));
	const struct value *member = list->items[5].items;

	(void)state;
	assert_int_equal(list->count, sizeof(wanted) / sizeof(wanted[0]));
	for (size_t i = 0; i < list->count; i++)
		assert_int_equal(value_place(&list->items[i], &arena).width, wanted[i]);
	assert_int_equal(value_name_place(member, &arena).width, 8);
	assert_int_equal(value_place(member, &arena).width, 1);
	assert_string_equal(value_place(&list->items[4].items[1].items[0], &arena).pointer, "/4/1/]");
	arena_free(&arena);
}

static bool jansson_takes(const char *text, size_t len)
{
	json_t *root = json_loadb(text, len, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, NULL);

	json_decref(root);
	return root != NULL;
}

/* Plain text is taken; what is rare is left to jansson. */
static void plain_and_not(void **state)
{
	static const char *const plain[] = {
		"{}", "[]", " { \"a\" : [ 1 , -20.5, 0, true,\tfalse,null, [[]], {} ] ,\"\":\"\xc3\xa9 \\n\\\"\"}\r\n", "\"\"", "7",
	};
	static const char *const others[] = {
		"", "{", "]", "[1,]", "{\"a\"}", "{\"a\":1,}", "{,}", "[01]", "[1e2]", "[1234567890123456]", "[.5]", "[1.]", "[-]",
		"[\"\\u0041\"]", "[\"\\x\"]", "[\"\x01\"]", "[\"\xc3\"]", "[\"\xed\xa0\x80\"]", "[}", "{]", "[1 2]", "{} {}", "[tru]",
		"{\"a\":1 \"b\":2}", "[nullx]", "{1:2}", "[\"", "[\"\\",
	};
	struct json_size size;

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		assert_true(plain_json(plain[i], strlen(plain[i]), &size));
	assert_true(plain_json(plain[2], strlen(plain[2]), &size));
	assert_int_equal(size.containers, 5);
	assert_int_equal(size.values, 12 + 2); /* and two empty containers */
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_false(plain_json(others[i], strlen(others[i]), &size));
	assert_false(plain_json("[1]\0", 4, &size));
	assert_false(plain_json("[\"a\0b\"]", 7, &size));
}

/* Pieces of JSON put together by lot: what is found plain, jansson takes. */
static void plain_is_json(void **state)
{
	static const char *const pieces[] = {
		"{", "}", "[", "]", ",", ":", "\"a\"", "\"a\":", "1", "-", "0", ".5", "12.25", "true", "null", " ", "\n", "\"", "\\",
		"\xc3\xa9", "\x01", "e", "\"x\\ny\"", "[]", "{}", "{\"k\":1}",
	};
	unsigned found = 0;

	srand(4410);
	for (unsigned round = 0; round < 400000; round++) {
		char text[128] = "";
		struct json_size size;
		unsigned count = 1 + (unsigned)rand() % 9;

		for (unsigned i = 0; i < count; i++)
			strcat(text, pieces[(size_t)rand() % (sizeof(pieces) / sizeof(pieces[0]))]);
		if (!plain_json(text, strlen(text), &size))
			continue;
		found++;
		assert_true(jansson_takes(text, strlen(text)));
	}
	assert_true(found > 1000);
}

static void writer_escapes(void **state)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	struct writer w;

	writer_init(&w, out, false);
	writer_open_map(&w);
	writer_put_text(&w, "q\"", "\x01\\\n\xff\xc3\xa9");
	writer_name(&w, "r");
	writer_open_list(&w);
	writer_real(&w, 0.1);
	writer_int(&w, INT64_MIN);
	writer_text(&w, NULL);
	writer_close_list(&w);
	writer_close_map(&w);
	fclose(out);
	assert_string_equal(text, "{\"q\\\"\": \"\\u0001\\\\\\n\xef\xbf\xbd\xc3\xa9\", "
				  "\"r\": [0.1, -9223372036854775808, null]}");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_and_places),
		cmocka_unit_test(widths),
		cmocka_unit_test(every_prefix_is_refused),
		cmocka_unit_test(plain_and_not),
		cmocka_unit_test(plain_is_json),
		cmocka_unit_test(writer_escapes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
