/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "base/nearest.h"
#include "policy/cip_text.h"
#include "policy/load_cip.h"
#include "protocol/pccc.h"

#define DIAGNOSTICS 0x06u /* the command whose reading functions tell about the device, not of its data */

/* ---- data files ---- */

static void read_file(const struct loader *l, const struct value *at, struct pccc_file_list *ret)
{
	struct pccc_file *file = &ret->items[ret->count];
	const char *why = pccc_file_parse(at->text, file);

	file->at = at;
	ret->count += !why;
	if (why)
		report(l, FINDING_INVALID_FILE, at, "write it as in \"N7:0-99\" or \"F8\"",
		       "\"%.60s\" is not a data file: %s", at->text, why);
}

static void load_files(const struct loader *l, const struct value *at, const struct value *files,
		       struct cip_entry *ret)
{
	ret->access = ret->kind == CIP_PCCC_WRITE ? CIP_WRITE : CIP_READ;
	if (!files) {
		report_name(l, FINDING_MISSING_MEMBER, at, "add \"files\": ...",
			    "\"pccc\": \"%s\" needs the member \"files\"", at->text);
		return;
	}
	if (ret->kind == CIP_PCCC_WRITE)
		report(l, FINDING_WRITE_WITHOUT_VALUES, files,
		       "allow no more elements than have to be written; limits of values are for \"write-tags\"",
		       "any value may be written to these files");
	check_filled(l, files);
	ret->files.items = arena_array(l->arena, files->count, sizeof(*ret->files.items));
	for (size_t i = 0; i < files->count; i++)
		if (bind_type(&l->bind, &files->items[i], BIND_TEXT))
			read_file(l, &files->items[i], &ret->files);
}

/* ---- functions ---- */

static bool find_function(const char *text, struct nearest *near, struct cip_entry *ret)
{
	for (size_t i = 0; i < pccc_function_count; i++)
		nearest_offer(near, pccc_functions[i].name, NULL);
	return pccc_function_parse(text, &ret->pccc_command, &ret->pccc_function);
}

static void warn_function(const struct loader *l, const struct value *at, const struct pccc_function *f)
{
	if (!f)
		report(l, FINDING_CONTROL_SERVICE, at,
		       "read in the device's manual what it does, and write that in a \"note\"",
		       "the gate does not know what function %s of PCCC does", at->text);
	else if (f->access == CIP_CONTROL)
		report(l, FINDING_CONTROL_SERVICE, at,
		       "keep it only if this server has to control the device; else remove the entry",
		       "%s changes how the device runs or is reached, or moves its program", f->name);
	else if (f->access == CIP_WRITE)
		report(l, FINDING_WRITE_WITHOUT_VALUES, at, "write \"pccc\": \"write\" and the files that are written",
		       "%s may write anything anywhere", f->name);
	else if (f->command != DIAGNOSTICS)
		report(l, FINDING_BROAD_ADDRESSES, at, "write \"pccc\": \"read\" and the files that are read",
		       "%s may read anything", f->name);
}

static void load_function(const struct loader *l, const struct value *at, const struct value *files,
			  struct cip_entry *ret)
{
	struct nearest near = nearest_to(at->text);
	const struct pccc_function *known;

	nearest_offer(&near, "read", NULL);
	nearest_offer(&near, "write", NULL);
	if (!find_function(at->text, &near, ret)) {
		report(l, FINDING_UNKNOWN_FUNCTION, at,
		       nearest_help(l, &near, "write \"read\", \"write\", a function's name (`gatehouse services`), or command "
					      "and function as in \"0f/a3\""),
		       "PCCC has no function \"%.60s\"", at->text);
		return;
	}
	if (files)
		report_name(l, FINDING_NOT_FOR_SERVICE, files, "remove it, or write \"pccc\": \"read\" or \"write\"",
			    "\"files\" means nothing beside a function");
	known = pccc_function(ret->pccc_command, ret->pccc_function);
	ret->kind = CIP_PCCC_FUNCTION;
	ret->access = known ? (enum cip_access)known->access : CIP_CONTROL;
	warn_function(l, at, known);
}

void load_cip_pccc(const struct loader *l, const struct value *at, const struct value *files, struct cip_entry *ret)
{
	for (size_t i = 0; i < words_pccc.count; i++)
		if (!strcmp(words_pccc.items[i].name, at->text))
			ret->kind = (enum cip_kind)words_pccc.items[i].value;
	if (ret->kind)
		load_files(l, at, files, ret);
	else
		load_function(l, at, files, ret);
}
