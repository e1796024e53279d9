/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The notations of EtherNet/IP rules and the tables of CIP: every expected value is written by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "policy/cip_text.h"
#include "policy/profiles.h"

static void tags(void **state)
{
	struct arena arena = { 0 };
	struct tag tag;

	assert_null(tag_parse("Program:Main.Grid[1,0-3].X", &arena, &tag));
	assert_int_equal(tag.part_count, 3);
	assert_false(tag.rest);
	assert_string_equal(tag.text, "Program:Main.Grid[1,0-3].X");
	assert_string_equal(tag.parts[0].name, "program:main");
	assert_string_equal(tag.parts[1].name, "grid");
	assert_int_equal(tag.parts[1].dimension_count, 2);
	assert_int_equal(tag.parts[1].dimensions[0].first, 1);
	assert_int_equal(tag.parts[1].dimensions[0].last, 1);
	assert_int_equal(tag.parts[1].dimensions[1].first, 0);
	assert_int_equal(tag.parts[1].dimensions[1].last, 3);
	assert_string_equal(tag.parts[2].name, "x");
	assert_int_equal(tag.parts[2].dimension_count, 0);
	assert_null(tag_parse("Recipe.*", &arena, &tag));
	assert_int_equal(tag.part_count, 1);
	assert_true(tag.rest);
	assert_false(tag_is_broad(&tag));
	assert_null(tag_parse("Program:Main.*", &arena, &tag));
	assert_true(tag_is_broad(&tag));
	assert_null(tag_parse("*", &arena, &tag));
	assert_int_equal(tag.part_count, 0);
	assert_true(tag_is_broad(&tag));
	assert_null(tag_parse("a[999999999]", &arena, &tag));
	assert_int_equal(tag.parts[0].dimensions[0].last, 999999999);
	arena_free(&arena);
}

/* Every proper prefix and every piece of rubbish is refused with a sentence, never read past its end. */
static void tags_refused(void **state)
{
	static const char *const bad[] = { "", ".", "a.", ".a", "a..b", "a[", "a[]", "a[1", "a[1-]", "a[2-1]", "a[1,",
		"a[1,2,3,4]", "a[1]b", "a[x]", "9a", "a.9", "a b", "a-b", "*a", "**", "*.a", "a*", ":a", "a:", "a[1000000000]",
		"a\xc3\xa4", "AVeryLongNameOfATagThatHasMoreThan40Chars" };
	struct arena arena = { 0 };
	struct tag tag;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char *exact = strdup(bad[i]);

		assert_non_null(tag_parse(exact, &arena, &tag));
		free(exact);
	}
	arena_free(&arena);
}

static void files(void **state)
{
	struct pccc_file file;

	assert_null(pccc_file_parse("n7:0-99", &file));
	assert_string_equal(file.type, "N");
	assert_int_equal(file.number, 7);
	assert_int_equal(file.elements.first, 0);
	assert_int_equal(file.elements.last, 99);
	assert_null(pccc_file_parse("ST9:3", &file));
	assert_string_equal(file.type, "ST");
	assert_int_equal(file.elements.first, 3);
	assert_int_equal(file.elements.last, 3);
	assert_null(pccc_file_parse("S", &file));
	assert_int_equal(file.number, 2);
	assert_int_equal(file.elements.last, 999);
	assert_null(pccc_file_parse("I1:0", &file));
	assert_int_equal(file.number, 1);
	assert_non_null(pccc_file_parse("", &file));
	assert_non_null(pccc_file_parse("7", &file));
	assert_non_null(pccc_file_parse("N", &file));
	assert_non_null(pccc_file_parse("N7:", &file));
	assert_non_null(pccc_file_parse("N7:0/1", &file));
	assert_non_null(pccc_file_parse("NN7", &file));
	assert_non_null(pccc_file_parse("N1000", &file));
	assert_non_null(pccc_file_parse("N7:1000", &file));
}

static void routes(void **state)
{
	struct arena arena = { 0 };
	struct cip_route route;

	assert_null(route_parse("1/3/2/10.3.0.7", &arena, &route));
	assert_int_equal(route.count, 2);
	assert_int_equal(route.hops[0].port, 1);
	assert_string_equal(route.hops[0].link, "3");
	assert_int_equal(route.hops[1].port, 2);
	assert_string_equal(route.hops[1].link, "10.3.0.7");
	assert_null(route_parse("1/0/1/0/1/0/1/0/1/0/1/0/1/0/1/0", &arena, &route));
	assert_int_equal(route.count, 8);
	assert_non_null(route_parse("1/0/1/0/1/0/1/0/1/0/1/0/1/0/1/0/1/0", &arena, &route));
	assert_non_null(route_parse("", &arena, &route));
	assert_null(route_parse("direct", &arena, &route));
	assert_int_equal(route.count, 0);
	assert_non_null(route_parse("direct/1/0", &arena, &route));
	assert_non_null(route_parse("1", &arena, &route));
	assert_non_null(route_parse("1/", &arena, &route));
	assert_non_null(route_parse("1/256", &arena, &route));
	assert_non_null(route_parse("65536/1", &arena, &route));
	assert_non_null(route_parse("1/0/", &arena, &route));
	arena_free(&arena);
}

/* A number means what its object says, and only then what all objects say. */
static void meanings(void **state)
{
	assert_string_equal(cip_class(0x6b)->name, "symbol");
	assert_null(cip_class(0xffff));
	assert_string_equal(cip_service(0x6b, 0x4c)->name, "read-tag");
	assert_string_equal(cip_service(0x6b, 0x4e)->name, "read-modify-write-tag");
	assert_string_equal(cip_service(0x06, 0x4e)->name, "forward-close");
	assert_string_equal(cip_service(0x06, 0x52)->name, "unconnected-send");
	assert_int_equal(cip_service(0x06, 0x52)->access, CIP_CARRIER);
	assert_string_equal(cip_service(0x6b, 0x52)->name, "read-tag-fragmented");
	assert_string_equal(cip_service(0x8e, 0x07)->name, "stop");
	assert_int_equal(cip_service(0x8e, 0x07)->access, CIP_CONTROL);
	assert_string_equal(cip_service(900, 0x0e)->name, "get-attribute-single");
	assert_null(cip_service(900, 0x4c));
	assert_string_equal(cip_attribute(1, 7)->name, "product-name");
	assert_int_equal(cip_attribute(0xf5, 5)->access, CIP_CONTROL);
	assert_null(cip_attribute(1, 99));
}

static void profiles(void **state)
{
	struct arena arena = { 0 };
	const struct profile *all = builtin_profiles(&arena);
	size_t last;

	assert_string_equal(all[0].id, "identity-only");
	assert_false(all[0].broad);
	assert_int_equal(all[0].cip.count, 4);
	assert_int_equal(all[0].cip.items[1].service, 0x01);
	assert_int_equal(all[0].cip.items[2].service, 0x0e);
	assert_int_equal(cip_entry_class(&all[0].cip.items[2]), 1);
	assert_int_equal(all[0].cip.items[3].service, 0x03);
	assert_int_equal(all[0].cip.items[3].attributes.items[0].last, 65535);
	assert_int_equal(all[0].cip.items[2].attributes.items[0].last, 65535);
	assert_string_equal(all[1].id, "logix-read-only");
	for (size_t i = 0; i < all[1].cip.count; i++)
		assert_int_equal(all[1].cip.items[i].access, CIP_READ);
	assert_string_equal(all[2].id, "logix-read-write-tags");
	last = all[1].cip.count;
	assert_int_equal(all[2].cip.count, last + 1);
	assert_int_equal(all[2].cip.items[last].kind, CIP_WRITE_TAGS);
	assert_true(all[2].cip.items[last].tags.items[0].rest);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tags),	      cmocka_unit_test(tags_refused), cmocka_unit_test(files),
		cmocka_unit_test(routes),     cmocka_unit_test(meanings),     cmocka_unit_test(profiles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
