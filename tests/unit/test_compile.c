/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Documents in, ruleset and match program out: every expected number below is written by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <string.h>

#include "policy/compile.h"
#include "policy/documents.h"

#define NOW 1795305600 /* 2026-11-22 00:00 UTC, a Sunday; in Toronto still the 21st */
#define SIGNED "\"purpose\":\"a b\",\"owner\":\"p\",\"approved_by\":\"p\",\"approved_on\":\"2026-10-01\"," \
	       "\"review_by\":\"2027-09-01\""

static const char site[] =
	"{\"$schema\":\"site.schema.json\",\"site\":\"s\",\"timezone\":\"America/Toronto\",\"zones\":{"
	"\"z\":{\"side\":\"it\",\"interface\":\"eth0\",\"networks\":[\"10.1.0.0/24\"]},"
	"\"y\":{\"side\":\"ot\",\"interface\":\"eth1\",\"networks\":[\"10.2.0.0/24\"]}},"
	"\"people\":{\"p\":{\"name\":\"P\",\"contact\":\"1\"}}}";
static const char assets[] =
	"{\"$schema\":\"assets.schema.json\",\"assets\":{"
	"\"a\":{\"role\":\"server\",\"zone\":\"z\",\"address\":\"10.1.0.2\",\"owner\":\"p\"},"
	"\"d\":{\"role\":\"device\",\"zone\":\"y\",\"address\":\"10.2.0.2\",\"owner\":\"p\"},"
	"\"e\":{\"role\":\"device\",\"zone\":\"y\",\"address\":\"10.2.0.3\",\"owner\":\"p\"}}}";
static const char rules[] =
	"{\"$schema\":\"rules.schema.json\",\"rules\":["
	"{\"id\":\"writes\",\"from\":\"a\",\"to\":\"d\",\"protocol\":\"modbus\",\"allow\":[{\"function\":"
	"\"write-single-register\",\"unit\":[1,255],\"registers\":\"40121\",\"values\":{\"min\":-5,\"max\":7,"
	"\"type\":\"int16\"}}],\"expires\":\"2026-11-30\",\"on_violation\":\"drop\",\"limits\":{"
	"\"connections\":2,\"requests_per_second\":50}," SIGNED "},"
	"{\"id\":\"reads\",\"from\":\"a\",\"to\":\"d\",\"protocol\":\"modbus\",\"allow\":[{\"function\":"
	"\"read-holding-registers\",\"unit\":1,\"addresses\":[\"0-99\",200],\"max_quantity\":10}],\"schedule\":[{"
	"\"days\":[\"sat\"],\"from\":\"22:00\",\"to\":\"02:00\"}],\"expires\":\"2026-12-01\","
	"\"on_violation\":\"drop\",\"limits\":{\"connections\":2,\"requests_per_second\":50}," SIGNED "},"
	"{\"id\":\"old\",\"from\":\"a\",\"to\":\"e\",\"protocol\":\"modbus\",\"profile\":\"modbus-read-only\","
	"\"expires\":\"2026-11-20\"," SIGNED "},"
	"{\"id\":\"time\",\"from\":\"a\",\"to\":\"e\",\"protocol\":\"udp\",\"port\":123,\"uninspected_because\":"
	"\"a b\"," SIGNED "}]}";

/* Two rules after one pattern, and one that differs in its last register. */
#define READS(id, to, last) "{\"id\":\"" id "\",\"from\":\"a\",\"to\":\"" to "\",\"protocol\":\"modbus\"," \
	"\"port\":" last ",\"allow\":[{\"function\":\"read-holding-registers\",\"unit\":1,\"addresses\":\"0-" last \
	"\"}]," SIGNED "}"
static const char patterns[] = "{\"$schema\":\"rules.schema.json\",\"rules\":["
	READS("one", "d", "99") "," READS("two", "e", "99") "," READS("three", "e", "98") "]}";

#define WRITES(id, to, most) "{\"id\":\"" id "\",\"from\":\"a\",\"to\":\"" to "\",\"protocol\":\"ethernet-ip\"," \
	"\"port\":" most ",\"allow\":[{\"write-tags\":[\"Recipe.Speed\"],\"values\":{\"min\":0,\"max\":" most "}}," \
	"{\"service\":\"get-attribute-single\",\"class\":1,\"instance\":1,\"attributes\":[7]}]," SIGNED "}"
static const char cip_patterns[] = "{\"$schema\":\"rules.schema.json\",\"rules\":["
	WRITES("one", "d", "99") "," WRITES("two", "e", "99") "," WRITES("three", "e", "98") "]}";

struct fixture {
	struct arena arena;
	struct diag_list diags;
	struct compiled compiled;
};

static bool compile_with(struct fixture *f, const char *rule_text, const struct conduit_number *before,
			 size_t count)
{
	struct document items[] = {
		{ "s/assets.json", assets, strlen(assets), 0 },
		{ "s/rules.json", rule_text, strlen(rule_text), 0 },
		{ "s/site.json", site, strlen(site), 0 },
	};
	const struct documents documents = { .items = items, .count = 3 };
	bool good;

	*f = (struct fixture){ 0 };
	diag_init(&f->diags, &f->arena);
	good = compile_site(&documents, NOW, before, count, &f->arena, &f->diags, &f->compiled);
	if (!good)
		diag_print(&f->diags, stderr, false);
	return good;
}

static const void *row(const struct fixture *f, struct program_table table, size_t size, size_t i)
{
	assert_in_range(i, 0, table.count - 1);
	assert_int_equal(table.offset % 8, 0);
	assert_true(table.offset + table.count * size <= f->compiled.program_size);
	return (const char *)f->compiled.program + table.offset + i * size;
}

static void the_ruleset(void **state)
{
	struct fixture f;
	const struct ruleset *r = &f.compiled.ruleset;

	assert_true(compile_with(&f, rules, NULL, 0));
	assert_int_equal(r->conduit_count, 2); /* the expired rule opens none */
	assert_string_equal(r->conduits[0].rules, "reads, writes");
	assert_int_equal(r->conduits[0].mark, 1 | MARK_INSPECTED | MARK_TIMED | 1 << MARK_TIMETABLE_SHIFT);
	assert_int_equal(r->conduits[0].transport, IPPROTO_TCP);
	assert_int_equal(r->conduits[0].port, 502);
	assert_memory_equal(r->conduits[0].device.b, "\x0a\x02\x00\x02", 4);
	assert_int_equal(r->conduits[1].mark, 2);
	assert_int_equal(r->conduits[1].transport, IPPROTO_UDP);
	assert_int_equal(r->conduits[1].port, 123);
	/* Toronto's 21st 00:00 until the end of its 30th; the Saturday nights of "reads" lie inside */
	assert_int_equal(r->window_count, 1);
	assert_int_equal(r->windows[0].timetable, 1);
	assert_int_equal(r->windows[0].first, 0);
	assert_int_equal(r->windows[0].last, 86399);
	assert_int_equal(r->windows[0].from, 1795237200);
	assert_int_equal(r->windows[0].until, 1796101200);
	assert_int_equal(r->home_count, 2);
	assert_string_equal(r->homes[1].interface, "eth1");
	assert_int_equal(r->homes[1].prefix, 24);
	arena_free(&f.arena);
}

static void the_program(void **state)
{
	const struct program_header *h;
	const struct program_conduit *c;
	const struct program_rule *reads, *writes;
	const struct program_window *w;
	const struct program_entry *e;
	const struct program_range *range;
	const struct program_value *v;
	struct fixture f;

	assert_true(compile_with(&f, rules, NULL, 0));
	h = f.compiled.program;
	assert_int_equal(h->magic, PROGRAM_MAGIC);
	assert_int_equal(h->size, f.compiled.program_size);
	assert_int_equal(h->index.count, 2);
	assert_int_equal(*(const uint32_t *)row(&f, h->index, 4, 0), 0);
	assert_int_equal(*(const uint32_t *)row(&f, h->index, 4, 1), 1);
	c = row(&f, h->conduits, sizeof(*c), 0);
	assert_int_equal(h->conduits.count, 1);
	assert_int_equal(c->on_violation, PROGRAM_DROP);
	assert_int_equal(c->max_connections, 2);
	assert_int_equal(c->requests_per_second, 50);
	assert_int_equal(c->rules.count, 2);
	assert_string_equal(f.compiled.rules[0].id, "reads");
	reads = row(&f, h->rules, sizeof(*reads), 0);
	writes = row(&f, h->rules, sizeof(*writes), 1);
	/* Saturdays 22:00 to 02:00: the 21st and the 28th of November */
	assert_int_equal(reads->windows.count, 2);
	w = row(&f, h->windows, sizeof(*w), reads->windows.first + 1);
	assert_int_equal(w[-1].from, 1795316400);
	assert_int_equal(w[-1].until, 1795330800);
	assert_int_equal(w->from, 1795921200);
	e = row(&f, h->entries, sizeof(*e), reads->entries.first);
	assert_int_equal(e->function, 3);
	assert_int_equal(e->max_quantity, 10);
	assert_int_equal(e->units[0], 2);
	assert_int_equal(e->units[7], 0);
	assert_int_equal(e->addresses.count, 2);
	range = row(&f, h->ranges, sizeof(*range), e->addresses.first + 1);
	assert_int_equal(range[-1].last, 99);
	assert_int_equal(range->first, 200);
	e = row(&f, h->entries, sizeof(*e), writes->entries.first);
	assert_int_equal(e->function, 6);
	assert_int_equal(e->value_type, PROGRAM_INT16);
	assert_int_equal(e->units[7], 0x80000000u);
	range = row(&f, h->ranges, sizeof(*range), e->addresses.first);
	assert_int_equal(range->first, 120);
	v = row(&f, h->values, sizeof(*v), e->values.first);
	assert_true(v->min < -4.5 && v->min > -5.5 && v->max > 6.5 && v->max < 7.5);
	arena_free(&f.arena);
}

/* A conduit keeps its number; a new one takes the lowest that nobody had. */
static void numbers(void **state)
{
	const struct conduit_number before[] = {
		{ { 4, { 10, 1, 0, 2 } }, { 4, { 10, 2, 0, 3 } }, IPPROTO_UDP, 123, 1, 0 },
		{ { 4, { 10, 1, 0, 9 } }, { 4, { 10, 2, 0, 3 } }, IPPROTO_TCP, 502, 2, 0 },
	};
	struct fixture f;

	assert_true(compile_with(&f, rules, before, 2));
	assert_int_equal(f.compiled.ruleset.conduits[0].mark & MARK_CONDUIT, 3);
	assert_int_equal(f.compiled.ruleset.conduits[1].mark & MARK_CONDUIT, 1);
	arena_free(&f.arena);
}

/* A timetable keeps the number that its first conduit knew, in the mark and in the windows. */
static void timetable_numbers(void **state)
{
	const struct conduit_number before[] = {
		{ { 4, { 10, 1, 0, 2 } }, { 4, { 10, 2, 0, 2 } }, IPPROTO_TCP, 502, 1, 700 },
	};
	struct fixture f;

	assert_true(compile_with(&f, rules, before, 1));
	assert_int_equal(f.compiled.ruleset.conduits[0].mark, 1 | MARK_INSPECTED | MARK_TIMED | 700 << MARK_TIMETABLE_SHIFT);
	assert_int_equal(f.compiled.ruleset.windows[0].timetable, 700);
	arena_free(&f.arena);
}

/* Equal rows are there once; what differs in one number is another row. */
static void shared_rows(void **state)
{
	const struct program_header *h;
	const struct program_entry *e;
	const struct program_range *range;
	struct fixture f;
	unsigned of_98 = 0, of_99 = 0;

	assert_true(compile_with(&f, patterns, NULL, 0));
	h = f.compiled.program;
	assert_int_equal(h->rules.count, 3);
	assert_int_equal(h->entries.count, 2);
	assert_int_equal(h->ranges.count, 2);
	for (uint32_t i = 0; i < 3; i++) {
		const struct program_rule *rule = row(&f, h->rules, sizeof(*rule), i);

		assert_int_equal(rule->entries.count, 1);
		e = row(&f, h->entries, sizeof(*e), rule->entries.first);
		range = row(&f, h->ranges, sizeof(*range), e->addresses.first);
		of_98 += range->last == 98;
		of_99 += range->last == 99;
	}
	assert_int_equal(of_98, 1);
	assert_int_equal(of_99, 2);
	arena_free(&f.arena);
}

/* The same of EtherNet/IP, down to names, routes and steps of routes. */
static void shared_cip_rows(void **state)
{
	const struct program_header *h;
	struct fixture f;

	(void)state;
	assert_true(compile_with(&f, cip_patterns, NULL, 0));
	h = f.compiled.program;
	assert_int_equal(h->rules.count, 3);
	assert_int_equal(h->cip.count, 4);
	assert_int_equal(h->tags.count, 1);
	assert_int_equal(h->names.count, 2);
	assert_int_equal(h->values.count, 2);
	assert_int_equal(h->ranges.count, 2); /* instance 1, attribute 7 */
	assert_int_equal(h->routes.count, 2); /* the device itself, 1/0 */
	assert_int_equal(h->hops.count, 1);
	arena_free(&f.arena);
}

static void same_bytes(void **state)
{
	struct fixture f, g;

	assert_true(compile_with(&f, rules, NULL, 0));
	assert_true(compile_with(&g, rules, NULL, 0));
	assert_int_equal(f.compiled.program_size, g.compiled.program_size);
	assert_memory_equal(f.compiled.program, g.compiled.program, f.compiled.program_size);
	arena_free(&f.arena);
	arena_free(&g.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_ruleset),
		cmocka_unit_test(the_program),
		cmocka_unit_test(numbers),
		cmocka_unit_test(timetable_numbers),
		cmocka_unit_test(shared_rows),
		cmocka_unit_test(shared_cip_rows),
		cmocka_unit_test(same_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
