/* SPDX-License-Identifier: GPL-2.0-or-later */
/* EtherNet/IP: the tags, files and other services of one kind, compared as sets. */
#include <stdlib.h>
#include <string.h>

#include "policy/describe.h"
#include "policy/diff_rule.h"
#include "policy/grants_cip.h"

/* The grants of one kind of a rule. */
struct version {
	const struct rule *rule;
	const struct cip_grant **items;
	const struct box **boxes;
	size_t count;
};

/* What is told together: all tags that are read, all files that are written, one service on one path of classes, one
 * function of PCCC. */
static uint64_t kind_of(const struct cip_grant *grant)
{
	if (grant->entry->kind == CIP_SERVICE || grant->entry->kind == CIP_PCCC_FUNCTION)
		return grant->box.family;
	return (uint64_t)grant->entry->kind << 48;
}

static struct version version_of(const struct rule *rule, const struct cip_grants *all, uint64_t kind,
				 struct arena *arena)
{
	struct version side = { .rule = rule,
				.items = arena_array(arena, all->count, sizeof(struct cip_grant *)),
				.boxes = arena_array(arena, all->count, sizeof(struct box *)) };

	for (size_t i = 0; i < all->count; i++) {
		if (kind_of(&all->items[i]) != kind)
			continue;
		side.items[side.count] = &all->items[i];
		side.boxes[side.count++] = &all->items[i].box;
	}
	return side;
}

/* An entry in words, with the route that it has from its rule. */
static const char *entry_text(const struct rule *rule, const struct cip_entry *entry, struct arena *arena)
{
	const char *text = describe_cip(entry, arena);

	if (entry->routes.count || !rule->routes.count || entry->kind == CIP_LIST_IDENTITY)
		return text;
	return arena_printf(arena, "%s, route %s", text, describe_routes(&rule->routes, arena));
}

static const char **texts_of(const struct version *side, struct arena *arena, size_t *ret_count)
{
	const char **texts = arena_array(arena, side->count, sizeof(char *));

	*ret_count = 0;
	for (size_t i = 0; i < side->count; i++)
		if (!i || side->items[i]->entry != side->items[i - 1]->entry)
			texts[(*ret_count)++] = entry_text(side->rule, side->items[i]->entry, arena);
	return texts;
}

/* Tags and files of `more` of which `less` does not allow everything; other services are told as entries alone. */
static struct diff_cells *cells_of(const struct version *more, const struct version *less, struct arena *arena,
				   bool *ret_exceeds, size_t *ret_count)
{
	struct diff_cells *cells = arena_array(arena, more->count, sizeof(*cells));

	*ret_exceeds = false;
	*ret_count = 0;
	for (size_t i = 0; i < more->count; i++) {
		if (box_covered(more->boxes[i], less->boxes, less->count))
			continue;
		*ret_exceeds = true;
		if (more->items[i]->text)
			cells[(*ret_count)++] = (struct diff_cells){ .name = more->items[i]->text };
	}
	return cells;
}

/* Out of the scratch memory, names too. */
static struct diff_cells *keep_cells(const struct diff_cells *cells, size_t count, struct arena *arena)
{
	struct diff_cells *kept = arena_copy(arena, cells, count, sizeof(*kept));

	for (size_t i = 0; i < count; i++)
		kept[i].name = arena_strndup(arena, cells[i].name, strlen(cells[i].name));
	return kept;
}

static unsigned compare_kind(const struct version *before, const struct version *after, struct arena *scratch,
			     struct arena *arena, struct diff_service *ret)
{
	const struct version *any = after->count ? after : before;
	struct diff_cells *gained, *lost;
	bool gains, loses;
	unsigned effect;

	*ret = (struct diff_service){ 0 };
	gained = cells_of(after, before, scratch, &gains, &ret->gained_count);
	lost = cells_of(before, after, scratch, &loses, &ret->lost_count);
	effect = (gains ? DIFF_GAINS : 0) | (loses ? DIFF_LOSES : 0);
	if (!effect)
		return 0;
	ret->function = describe_cip_name(any->items[0]->entry, arena);
	ret->change = !before->count ? DIFF_ADDED : !after->count ? DIFF_REMOVED : diff_of(effect);
	ret->gained = keep_cells(gained, ret->gained_count, arena);
	ret->lost = keep_cells(lost, ret->lost_count, arena);
	ret->before = texts_of(before, arena, &ret->before_count);
	ret->after = texts_of(after, arena, &ret->after_count);
	return effect;
}

static int by_number(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The kinds of both, each once. */
static uint64_t *kinds_of(const struct cip_grants sides[static 2], struct arena *arena, size_t *ret_count)
{
	uint64_t *kinds = arena_array(arena, sides[0].count + sides[1].count, sizeof(*kinds));
	size_t count = 0, kept = 0;

	for (unsigned side = 0; side < 2; side++)
		for (size_t i = 0; i < sides[side].count; i++)
			kinds[count++] = kind_of(&sides[side].items[i]);
	if (count)
		qsort(kinds, count, sizeof(*kinds), by_number);
	for (size_t i = 0; i < count; i++)
		if (!kept || kinds[kept - 1] != kinds[i])
			kinds[kept++] = kinds[i];
	*ret_count = kept;
	return kinds;
}

unsigned diff_cip(const struct rule *before, const struct rule *after, struct arena *arena,
		  struct diff_rule *ret)
{
	const struct rule *const rules[2] = { before, after };
	struct arena scratch = { 0 };
	struct cip_grants grants[2];
	unsigned effects = 0;
	uint64_t *kinds;
	size_t count;

	cip_grants_make(rules, 2, &scratch, grants);
	kinds = kinds_of(grants, &scratch, &count);
	ret->services = arena_array(&scratch, count, sizeof(*ret->services));
	for (size_t i = 0; i < count; i++) {
		struct version old = version_of(before, &grants[0], kinds[i], &scratch);
		struct version new = version_of(after, &grants[1], kinds[i], &scratch);
		unsigned effect = compare_kind(&old, &new, &scratch, arena, &ret->services[ret->service_count]);

		ret->service_count += effect != 0;
		effects |= effect;
	}
	ret->services = arena_copy(arena, ret->services, ret->service_count, sizeof(*ret->services));
	arena_free(&scratch);
	return effects;
}
