/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the site document's "gate" and "review" become, and rules that open nothing yet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <string.h>

#include "policy/compile.h"
#include "policy/documents.h"
#include "policy/model.h"

#define NOW 1795305600 /* 2026-11-22 00:00 UTC */
#define SIGNED "\"purpose\":\"a b\",\"owner\":\"p\",\"approved_by\":\"p\",\"approved_on\":\"2026-10-01\"," \
	       "\"review_by\":\"2027-04-01\""

static const char site[] =
	"{\"$schema\":\"site.schema.json\",\"site\":\"s\",\"timezone\":\"America/Toronto\",\"zones\":{"
	"\"z\":{\"side\":\"it\",\"interface\":\"eth0\",\"networks\":[\"10.1.0.0/24\",\"fd00:1::/64\"]},"
	"\"y\":{\"side\":\"ot\",\"interface\":\"eth1.20\",\"networks\":[\"10.2.0.0/24\"]}},"
	"\"people\":{\"p\":{\"name\":\"P\",\"contact\":\"1\"}},\"review\":{\"overdue\":\"refuse-new\"},\n"
	"\"gate\":{\"mode\":\"bridge\",\"addresses\":{\"br0\":[\"10.1.0.1/24\"]},"
	"\"routes\":[{\"to\":\"10.9.0.0/16\",\"via\":\"10.1.0.254\"}],"
	"\"time_servers\":[\"fd00:1::5\",\"10.9.0.5\"],\n\"log_collectors\":["
	"{\"address\":\"10.1.0.6\",\"port\":6514,\"transport\":\"tls\"},"
	"{\"address\":\"10.1.0.6\",\"port\":514,\"transport\":\"udp\"},"
	"{\"address\":\"10.1.0.6\",\"port\":601,\"transport\":\"tcp\"}],\"ethertypes\":[\"profinet-rt\",34980]}}";
static const char assets[] =
	"{\"$schema\":\"assets.schema.json\",\"assets\":{"
	"\"a\":{\"role\":\"server\",\"zone\":\"z\",\"address\":\"10.1.0.2\",\"owner\":\"p\"},"
	"\"d\":{\"role\":\"device\",\"zone\":\"y\",\"address\":\"10.2.0.2\",\"owner\":\"p\"}}}";
static const char rules[] =
	"{\"$schema\":\"rules.schema.json\",\"rules\":["
	"{\"id\":\"m\",\"from\":\"a\",\"to\":\"d\",\"protocol\":\"modbus\",\"allow\":[{\"function\":"
	"\"read-coils\",\"unit\":1,\"addresses\":1}]," SIGNED "},"
	"{\"id\":\"e\",\"from\":\"a\",\"to\":\"d\",\"protocol\":\"ethernet-ip\",\"route\":[\"1/2\"],\"allow\":["
	"{\"write-tags\":[\"Recipe.Speed\"],\"values\":{\"min\":0,\"max\":1500.5}},"
	"{\"service\":\"get-attribute-single\",\"class\":\"identity\",\"instance\":1,\"attributes\":[\"serial-number\",\"7-9\"],"
	"\"route\":[\"1/3\"]},{\"io\":\"input-only\",\"assemblies\":[100],\"min_rpi_ms\":2.5}]," SIGNED "}]}";

struct fixture {
	struct arena arena;
	struct diag_list diags;
	struct compiled compiled;
};

static void compile(struct fixture *f)
{
	struct document items[] = {
		{ "s/assets.json", assets, strlen(assets), 0 },
		{ "s/rules.json", rules, strlen(rules), 0 },
		{ "s/site.json", site, strlen(site), 0 },
	};
	const struct documents documents = { .items = items, .count = 3 };
	bool good;

	*f = (struct fixture){ 0 };
	diag_init(&f->diags, &f->arena);
	good = compile_site(&documents, NOW, NULL, 0, &f->arena, &f->diags, &f->compiled);
	if (!good)
		diag_print(&f->diags, stderr, false);
	assert_true(good);
}

static void the_gate_itself(void **state)
{
	struct fixture f;
	const struct ruleset_own *own;
	const struct gate *gate;

	compile(&f);
	own = f.compiled.ruleset.own;
	assert_int_equal(f.compiled.ruleset.own_count, 5);
	/* by family, address, transport, port */
	assert_memory_equal(own[0].to.b, "\x0a\x01\x00\x06", 4);
	assert_int_equal(own[0].transport, IPPROTO_TCP);
	assert_int_equal(own[0].port, 601);
	assert_int_equal(own[1].transport, IPPROTO_TCP);
	assert_int_equal(own[1].port, 6514);
	assert_string_equal(own[1].what, "log collector");
	assert_int_equal(own[1].line, 3);
	assert_int_equal(own[2].transport, IPPROTO_UDP);
	assert_int_equal(own[2].port, 514);
	assert_memory_equal(own[3].to.b, "\x0a\x09\x00\x05", 4);
	assert_int_equal(own[3].port, 123);
	assert_int_equal(own[3].transport, IPPROTO_UDP);
	assert_string_equal(own[3].what, "time server");
	assert_string_equal(own[3].file, "s/site.json");
	assert_int_equal(own[3].line, 2);
	assert_int_equal(own[4].to.family, 6);
	gate = &f.compiled.site->gate;
	assert_int_equal(gate->mode, GATE_BRIDGE);
	assert_int_equal(gate->address_count, 1);
	assert_string_equal(gate->addresses[0].interface, "br0");
	assert_int_equal(gate->addresses[0].prefix, 24);
	assert_int_equal(gate->route_count, 1);
	assert_int_equal(gate->routes[0].prefix, 16);
	assert_int_equal(gate->ethertype_count, 2);
	assert_int_equal(gate->ethertypes[0], 0x8892);
	assert_int_equal(gate->ethertypes[1], 0x88a4);
	assert_string_equal(f.compiled.ruleset.homes[2].interface, "eth1.20");
	arena_free(&f.arena);
}

/* The day after review_by begins in Toronto at 04:00 UTC. */
static void overdue_rules(void **state)
{
	const struct program_header *h;
	const struct program_rule *rule;
	struct fixture f;

	compile(&f);
	h = f.compiled.program;
	assert_int_equal(h->rules.count, 2);
	rule = (const void *)((const char *)f.compiled.program + h->rules.offset);
	assert_int_equal(rule->no_new_from, 1806638400);
	arena_free(&f.arena);
}

/* Rules of EtherNet/IP are in the model as written, and are inspected. */
static void ethernet_ip(void **state)
{
	const struct rule *rule;
	const struct cip_entry *e;
	struct fixture f;

	compile(&f);
	assert_int_equal(f.compiled.ruleset.conduit_count, 2);
	assert_int_equal(f.compiled.ruleset.conduits[1].port, 44818);
	assert_int_equal(f.compiled.ruleset.conduits[1].mark, MARK_INSPECTED | 2);
	assert_int_equal(f.compiled.rule_count, 2);
	rule = &f.compiled.site->rules[0];
	assert_string_equal(rule->id, "e");
	assert_int_equal(rule->port, 44818);
	assert_int_equal(rule->cip.count, 3);
	e = rule->cip.items;
	assert_int_equal(e[0].kind, CIP_WRITE_TAGS);
	assert_int_equal(e[0].access, CIP_WRITE);
	assert_string_equal(e[0].tags.items[0].parts[1].name, "speed");
	assert_true(e[0].values.items[0].max > 1500.4 && e[0].values.items[0].max < 1500.6);
	assert_string_equal(e[0].routes.items[0].hops[0].link, "2");
	assert_int_equal(e[1].service, 0x0e);
	assert_int_equal(cip_entry_class(&e[1]), 1);
	assert_int_equal(e[1].attributes.items[0].first, 6);
	assert_int_equal(e[1].attributes.items[1].last, 9);
	assert_string_equal(e[1].routes.items[0].hops[0].link, "3");
	assert_int_equal(e[2].io, CIP_IO_INPUT_ONLY);
	assert_int_equal(e[2].min_rpi_us, 2500);
	assert_int_equal(e[2].assemblies.items[0].first, 100);
	arena_free(&f.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_gate_itself),
		cmocka_unit_test(overdue_rules),
		cmocka_unit_test(ethernet_ip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
