/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/explain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/nearest.h"
#include "cli/explain_cip.h"
#include "cli/options.h"
#include "policy/address.h"

struct explain_line {
	const char *folder;
	const char *from, *to, *protocol;
	uint16_t port;
	int64_t at;
	struct cip_ask cip;
	struct request request;
};

/* ---- the command line ---- */

static const char *take_port(const char *text, uint16_t *ret)
{
	char *end;
	long port = text ? strtol(text, &end, 10) : 0;

	if (!text || *end || port < 1 || port > 65535)
		return "--port wants a number from 1 to 65535";
	*ret = (uint16_t)port;
	return NULL;
}

static const char *take_word(struct explain_line *line, int argc, char **argv, int *i, char *error)
{
	const char *text;
	bool taken;
	const char *wrong = request_option(&line->request, argc, argv, i, &taken, error);

	if (!taken)
		wrong = cip_ask_option(&line->cip, argc, argv, i, &taken);
	if (taken)
		return wrong;
	if (option_value(argc, argv, i, "--from", &line->from))
		return line->from ? NULL : "--from wants an asset or an address";
	if (option_value(argc, argv, i, "--to", &line->to))
		return line->to ? NULL : "--to wants an asset or an address";
	if (option_value(argc, argv, i, "--protocol", &line->protocol))
		return line->protocol ? NULL : "--protocol wants a name";
	if (option_value(argc, argv, i, "--port", &text))
		return take_port(text, &line->port);
	if (option_value(argc, argv, i, "--at", &text))
		return text && parse_instant(text, &line->at) ? NULL :
			"--at wants a time like 2026-11-22T14:00:00Z";
	if (argv[*i][0] == '-' || line->folder) {
		snprintf(error, 160, "what is %.80s?", argv[*i]);
		return error;
	}
	line->folder = argv[*i];
	return NULL;
}

static const char *read_line(struct explain_line *line, int argc, char **argv, struct arena *arena,
			     char *error)
{
	const char *wrong = NULL;

	for (int i = 1; i < argc && !wrong; i++)
		wrong = take_word(line, argc, argv, &i, error);
	if (wrong)
		return wrong;
	if (!line->folder)
		return "which site folder?";
	if (!line->from || !line->to)
		return "--from and --to say who asks whom";
	if (line->request.wanted && cip_ask_wanted(&line->cip))
		return "--function is Modbus, the other services are EtherNet/IP: one at a time";
	if (cip_ask_wanted(&line->cip))
		return cip_ask_build(&line->cip, arena);
	if (line->request.wanted)
		return request_build(&line->request, error);
	for (unsigned n = 0; n < REQUEST_NUMBERS; n++)
		if (line->request.given[n])
			return "--function says what the other numbers mean";
	return line->request.value_count ? "--function says what --value means" : NULL;
}

static const char *read_protocol_name(struct explain_line *line, const struct protocol **ret, char *error)
{
	const char *implied = line->request.wanted ? "modbus" :
			      cip_ask_wanted(&line->cip) ? "ethernet-ip" : NULL;
	const char *name = line->protocol ? line->protocol : implied;
	struct nearest near;

	*ret = NULL;
	if (!name)
		return NULL;
	near = nearest_to(name);
	if (implied && strcmp(name, implied)) {
		snprintf(error, 160, "this service is one of %s, not of %.40s", implied, name);
		return error;
	}
	for (size_t i = 0; i < protocol_count; i++) {
		nearest_offer(&near, protocols[i].name, NULL);
		if (!strcmp(protocols[i].name, name))
			*ret = &protocols[i];
	}
	if (*ret)
		return NULL;
	snprintf(error, 160, "there is no protocol %.40s%s%s%s", name, near.best ? "; did you mean \"" : "",
		 near.best ? near.best : "", near.best ? "\"?" : "");
	return error;
}

/* ---- the site and the path ---- */

static int compile_folder(struct explanation *e, const char *folder)
{
	int r = documents_read(folder, &e->arena, &e->diags, &e->documents);

	if (r < 0) {
		fprintf(stderr, "gatehouse explain: cannot read %s: %s\n", folder, strerror(-r));
		return EXIT_SYSTEM;
	}
	if (compile_site(&e->documents, e->at, NULL, 0, &e->arena, &e->diags, &e->compiled) &&
	    !e->diags.errors)
		return EXIT_CLEAN;
	diag_show(&e->diags);
	fputs("gatehouse explain: the site has errors, so nothing of it can be in force\n", stderr);
	return EXIT_FINDINGS;
}

/* An address that no asset has is a question with an answer; a name that nothing has is a mistake. */
static bool find_end(struct explanation *e, const char *text, const struct asset **ret)
{
	const char *near = NULL;
	struct address address;

	*ret = explain_asset(e->compiled.site, text, &near);
	if (*ret || address_parse(text, &address))
		return true;
	fprintf(stderr, "gatehouse explain: no asset is called \"%s\"\n", text);
	if (near)
		fprintf(stderr, "did you mean \"%s\"?\n", near);
	return false;
}

/* ---- the answer ---- */

static void add_rule(struct explanation *e, const struct rule *rule)
{
	e->rules[e->rule_count++] = rule;
}

static void answer_nearest(struct explanation *e)
{
	e->reason = REASON_NO_RULE;
	e->nearest = explain_nearest(e->compiled.site, &e->path, &e->arena, &e->differences);
}

static const char *not_inspected(struct explanation *e, const struct protocol *protocol)
{
	return arena_printf(&e->arena, "this version does not inspect %s, so no rule can open it",
			    protocol->name);
}

/* Why a rule lets nothing new through now; REASON_NONE: it does. */
static enum reason closed_because(struct explanation *e, const struct ask_site *site,
				  const struct rule *rule)
{
	struct explain_opening opening;

	explain_opening(e->compiled.site, rule, e->at, &e->arena, &opening);
	return opening.open ? ask_serves(site, rule, e->at) : REASON_OUTSIDE_SCHEDULE;
}

/* May anything pass on the path now? Refused: by the first rule that is closed. */
static void answer_path(struct explanation *e, const struct ask_site *asked)
{
	const struct site *site = e->compiled.site;

	for (size_t i = 0; i < site->rule_count; i++) {
		const struct rule *rule = &site->rules[i];
		enum reason reason;

		if (rule->expired || !explain_on_path(&e->path, rule))
			continue;
		reason = closed_because(e, asked, rule);
		if (reason == REASON_NONE)
			add_rule(e, rule);
		if (reason == REASON_NONE || e->nearest)
			continue;
		e->reason = reason;
		e->nearest = rule;
	}
	if (e->rule_count) {
		e->reason = REASON_NONE;
		e->nearest = NULL;
		e->note = NULL;
	} else if (!e->nearest) {
		answer_nearest(e);
	}
}

static void take_answer(struct explanation *e, const struct answer *answer)
{
	e->reason = answer->reason;
	e->entry = answer->entry;
	e->differences = answer->differences;
	e->provided = answer->provided;
	e->rule_count = 0;
	e->nearest = NULL;
	if (answer->reason == REASON_NONE)
		add_rule(e, answer->rule);
	else
		e->nearest = answer->rule;
	e->observed = answer->reason != REASON_NONE && answer->rule &&
		      answer->rule->mode == PROGRAM_OBSERVE;
}

static const char *request_text(struct explanation *e, const struct explain_line *line)
{
	struct modbus_message m;

	if (cip_ask_wanted(&line->cip))
		return cip_ask_text(&line->cip, &e->arena);
	if (modbus_request(line->request.frame, line->request.frame_size, &m) != REASON_NONE)
		return NULL;
	return ask_text(&m, &e->arena);
}

/* Asks every conduit of the path; what is allowed, or came nearest, is the answer. */
static void answer_request(struct explanation *e, const struct ask_site *site,
			   const struct explain_line *line)
{
	const struct compiled *compiled = &e->compiled;
	const struct request *request = &line->request;
	uint32_t asked = 0;

	e->asked = request_text(e, line);
	answer_nearest(e);
	for (size_t i = 0; i < compiled->site->rule_count; i++) {
		const struct rule *rule = &compiled->site->rules[i];
		uint32_t conduit = explain_on_path(&e->path, rule) ? ask_conduit(site, rule) : 0;
		struct answer answer;

		if (!conduit || conduit == asked)
			continue;
		asked = conduit;
		if (request->wanted)
			ask_frame(site, conduit, request->frame, request->frame_size, e->at, &answer);
		else
			cip_ask_conduit(&line->cip, site, conduit, e->at, &answer);
		if (e->reason == REASON_NO_RULE || ask_nearness(answer.reason) > ask_nearness(e->reason))
			take_answer(e, &answer);
	}
}

static int answer(struct explanation *e, const struct explain_line *line)
{
	struct ask_site site;

	if (!ask_open(&e->compiled, &e->arena, &site)) {
		fputs("gatehouse explain: the inspector would not take this policy\n", stderr);
		return EXIT_SYSTEM;
	}
	if (e->path.protocol && (!e->path.protocol->available)) {
		answer_nearest(e);
		e->note = not_inspected(e, e->path.protocol);
	} else if (line->request.wanted || cip_ask_wanted(&line->cip)) {
		answer_request(e, &site, line);
	} else {
		answer_path(e, &site);
	}
	return EXIT_CLEAN;
}

static int explain_site(struct explanation *e, const struct explain_line *line)
{
	int code = compile_folder(e, line->folder);

	if (code != EXIT_CLEAN)
		return code;
	e->path.from_text = line->from;
	e->path.to_text = line->to;
	e->path.port = line->port;
	if (!find_end(e, line->from, &e->path.from) || !find_end(e, line->to, &e->path.to))
		return EXIT_USAGE;
	e->rules = arena_array(&e->arena, e->compiled.site->rule_count + 1, sizeof(struct rule *));
	code = answer(e, line);
	if (code != EXIT_CLEAN)
		return code;
	(e->context->json ? explanation_write : explanation_print)(e);
	return e->reason == REASON_NONE ? EXIT_CLEAN : EXIT_FINDINGS;
}

static int run(const struct context *context, int argc, char **argv)
{
	struct explanation e = { .context = context };
	struct explain_line line = { .at = time(NULL) };
	char error[160];
	const char *wrong = read_line(&line, argc, argv, &e.arena, error);
	int code;

	if (!wrong)
		wrong = read_protocol_name(&line, &e.path.protocol, error);
	if (wrong) {
		arena_free(&e.arena);
		return usage_error(&command_explain, "%s", wrong);
	}
	e.at = line.at;
	diag_init(&e.diags, &e.arena);
	code = explain_site(&e, &line);
	arena_free(&e.arena);
	return code;
}

const struct command command_explain = {
	.name = "explain",
	.arguments = "DIR --from A --to B [--protocol P] [--function F --unit N ...]",
	.summary = "whether something is allowed, by which rule, or what is nearest and whom to call",
	.help = "Without --function: which rules open the way from A to B. With it: what the inspector decides\n"
		"about that one Modbus request (or, below, one of EtherNet/IP), asked of the inspector's own code.\n\n"
		"  --from A, --to B      an asset's name, or an address\n"
		"  --protocol P          modbus, tcp, udp, ... (default: any; modbus with --function)\n"
		"  --port N              the device's port (default: any that a rule names)\n"
		"  --at TIME             as of then, like 2026-11-22T14:00:00Z (default: now)\n"
		"  --function F          a name (`gatehouse services` lists them) or a number\n"
		"  --unit N              the unit id of the request\n"
		"  --address N           the first address, counted from 0\n"
		"  --quantity N          how many (default 1, or as many as there are values)\n"
		"  --value V[,V...]      what is written, register by register; one value goes into all\n"
		"  --write-address N, --write-quantity N   the write part of function 23\n"
		"  --subfunction N       of diagnostics\n"
		"  --read-code N, --object-id N            of read-device-identification\n"
		"  --file N, --record N  of file records\n"
		"  --mei-type N          of function 43 (default 14, device identification)\n"
		"and about one EtherNet/IP request (names as in `gatehouse services`, or numbers):\n"
		"  --read-tag TAG, --write-tag TAG         as Line3.Rate, Counts[0-9]\n"
		"  --service S --class C [--instance N] [--attribute A]\n"
		"        an object inside others: --class and --instance again, from the outside in\n"
		"  --pccc P              of PCCC: read, write, or a function's name or number (0f/80)\n"
		"  --data-file FILE      and what it reads or writes, as N7:5 or N7:0-9\n"
		"  --io KIND --assembly N[,N...] [--rpi MS]   a cyclic connection\n"
		"  --json                one object; docs/explain-and-plan.md names its members\n\n"
		"exit codes: 0 allowed, 1 denied, or the documents have errors, 2 wrong usage, 3 the folder\n"
		"cannot be read\n",
	.run = run,
};
