/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/names.h"

#include <stdio.h>
#include <string.h>

#include "policy/address.h"

const struct ruleset_conduit *names_conduit(const struct compiled *compiled, uint32_t number)
{
	for (size_t i = 0; compiled && i < compiled->ruleset.conduit_count; i++)
		if ((compiled->ruleset.conduits[i].mark & MARK_CONDUIT) == number)
			return &compiled->ruleset.conduits[i];
	return NULL;
}

static const struct program_conduit *program_row(const struct compiled *compiled, uint32_t number)
{
	const struct program_header *h = compiled->program;
	const uint32_t *index = (const void *)((const char *)compiled->program + h->index.offset);
	const struct program_conduit *rows =
		(const void *)((const char *)compiled->program + h->conduits.offset);

	return number < h->index.count && index[number] ? &rows[index[number] - 1] : NULL;
}

const char *names_protocol(const struct compiled *compiled, uint32_t number)
{
	const struct program_conduit *row = compiled ? program_row(compiled, number) : NULL;

	for (size_t i = 0; row && i < protocol_count; i++)
		if (protocols[i].program == row->protocol)
			return protocols[i].name;
	return NULL;
}

const char *names_asset(const struct compiled *compiled, const struct address *address)
{
	for (size_t i = 0; compiled && i < compiled->site->asset_count; i++)
		if (address_compare(&compiled->site->assets[i].address, address) == 0)
			return compiled->site->assets[i].id;
	return NULL;
}

const char *names_rule(const struct compiled *compiled, uint32_t index)
{
	return compiled && index < compiled->rule_count ? compiled->rules[index].id : NULL;
}

static const struct person *owner_of(const struct site *site, const char *rule)
{
	const char *owner = NULL;

	for (size_t i = 0; i < site->rule_count; i++)
		if (site->rules[i].id && strcmp(site->rules[i].id, rule) == 0 && site->rules[i].m.owner)
			owner = site->rules[i].m.owner->text;
	for (size_t i = 0; owner && i < site->person_count; i++)
		if (strcmp(site->people[i].id, owner) == 0)
			return &site->people[i];
	return NULL;
}

const char *names_owner(const struct compiled *compiled, const char *rule, char *text, size_t size)
{
	const struct person *person = compiled && rule ? owner_of(compiled->site, rule) : NULL;
	const char *name, *contact;

	if (!person)
		return NULL;
	name = value_member_text(person->at, "name");
	contact = value_member_text(person->at, "contact");
	snprintf(text, size, "%s%s%s", name ? name : person->id, contact ? ", " : "",
		 contact ? contact : "");
	return text;
}
