/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Documents into the model: what is shared by the files that read one kind each. Inside policy/ only.
 */
#include "json/bind.h"
#include "policy/codes.h"
#include "policy/documents.h"
#include "policy/model.h"

struct loader {
	struct binder bind;
	struct arena *arena;
	struct site *site;
	const struct profile *builtins; /* BUILTIN_PROFILES of them */
};

/* A finding of the table at a value, or at the name of its member. */
__attribute__((format(printf, 5, 6)))
void report(const struct loader *l, enum finding finding, const struct value *at, const char *help,
	    const char *format, ...);
__attribute__((format(printf, 5, 6)))
void report_name(const struct loader *l, enum finding finding, const struct value *at,
		 const char *help, const char *format, ...);

/* "rules/assets.json:4" */
const char *place_text(const struct loader *l, const struct value *at);

struct nearest;
/* What to do about a mistyped name: "did you mean ...?", with the place when `what` is a value; or `otherwise`. */
const char *nearest_help(const struct loader *l, const struct nearest *near, const char *otherwise);

/* The word's value, or -1 and a finding. `at` must be text. */
int read_word(const struct loader *l, const struct words *words, const struct value *at);

/* A whole number in least .. most, or `otherwise` and a finding; at = NULL: `otherwise`. */
int64_t read_number(const struct loader *l, const struct value *at, int64_t least, int64_t most,
		    int64_t otherwise);

/* A date, or NO_DAY and (if at is not NULL) a finding. */
int64_t read_date(const struct loader *l, const struct value *at);

/* False and a finding when a name has other characters than letters, digits, "-", "_" and ".". */
bool check_name(const struct loader *l, const struct value *at, const char *name);

/* A finding at the member's name, or at its value when that is the name, unless an interface can be called so. */
void check_interface(const struct loader *l, const struct value *at, const char *name);

/* A finding when a text is blank or (`sentence`) has no two words. */
void check_text(const struct loader *l, const struct value *at, bool sentence);

/* A finding when the list is empty. */
bool check_filled(const struct loader *l, const struct value *list);

/* By id in a sorted list, without a finding. */
struct zone *find_zone(const struct site *site, const char *id);
struct person *find_person(const struct site *site, const char *id);
struct asset *find_asset(const struct site *site, const char *id);
struct profile *find_profile(const struct site *site, const char *id);

/* Sorts rows that begin with their id. */
void sort_rows(void *rows, size_t count, size_t size);

/* The person a member names, marked as used; a finding when there is none. at may be NULL. */
void use_person(const struct loader *l, const struct value *at);

/* A protocol by name, with findings for one that is unknown or not available. */
const struct protocol *read_protocol(const struct loader *l, const struct value *at);

/*
 * The kinds. Parts are the members or elements of all documents of a kind, in the order of documents;
 * of parts with the same name only the first is left (see unique_parts).
 */
struct parts {
	const struct value **items;
	size_t count;
};

/* Leaves the first part of every name; a finding for each further one of another document. */
void unique_parts(const struct loader *l, const char *what, struct parts *parts);

void load_site(const struct loader *l, const struct value *document);
void load_gate(const struct loader *l, const struct value *at);
void load_assets(const struct loader *l, const struct parts *parts);
void load_profiles(const struct loader *l, const struct parts *parts);
void load_rules(const struct loader *l, const struct parts *parts);

/* "allow" of protocol modbus. */
void load_modbus(const struct loader *l, const struct value *allow, struct entry_list *ret);

/* All documents, into l->site. */
void load_documents(const struct loader *l, const struct documents *documents);

/* Everything that needs more than one document. */
void check_site(const struct loader *l);
