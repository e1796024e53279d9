/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/failure.h"
#include "cli/bundle_line.h"
#include "cli/signing.h"
#include "policy/model.h"

/* A site folder of the repository. */
struct part {
	const char *name;
	struct site_input input;
	int64_t serial; /* of its next bundle; 0: it is as in the last one */
};

struct update {
	struct bundle_line *l;
	struct part *parts; /* sorted by name */
	size_t count;
};

static int system_error(const char *what, const char *name, int error)
{
	fprintf(stderr, "gatehouse bundle: %s %s: %s\n", what, name, failure_text(error));
	return EXIT_SYSTEM;
}

/* ---- which sites there are ---- */

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static bool is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int list_sites(struct update *u)
{
	struct arena *arena = &u->l->arena;
	struct dirent **entries;
	int n = scandir(u->l->file, &entries, is_visible, alphasort);

	if (n < 0)
		return system_error("cannot read", u->l->file, -errno);
	u->parts = arena_array(arena, (size_t)n, sizeof(*u->parts));
	for (int i = 0; i < n; i++) {
		if (is_folder(arena_printf(arena, "%s/%s", u->l->file, entries[i]->d_name)))
			u->parts[u->count++].name = arena_printf(arena, "%s", entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return EXIT_CLEAN;
}

/* ---- what has changed ---- */

static const char *bundle_path(struct update *u, const char *folder, const struct part *part)
{
	return arena_printf(&u->l->arena, "%s/%s.bundle", folder, part->input.compiled.site->id);
}

static bool is_same(const struct documents *a, const struct documents *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->items[i].path, b->items[i].path) != 0 || a->items[i].len != b->items[i].len ||
		    memcmp(a->items[i].text, b->items[i].text, a->items[i].len) != 0)
			return false;
	return true;
}

/* A site without a last bundle is new. */
static int compare(struct update *u, struct part *part)
{
	const char *path = bundle_path(u, u->l->last, part);
	struct site_input last;
	int code;

	part->serial = 1;
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return EXIT_CLEAN;
	code = site_input_read(&last, "bundle", path, &u->l->arena);
	if (code != EXIT_CLEAN)
		return code;
	if (!last.bundle || strcmp(last.bundle->site, part->input.compiled.site->id) != 0) {
		fprintf(stderr, "gatehouse bundle: %s is no bundle of %s\n", path, part->input.compiled.site->id);
		return EXIT_FINDINGS;
	}
	part->serial = is_same(&last.documents, &part->input.documents) ? 0 : last.bundle->serial + 1;
	return EXIT_CLEAN;
}

/* Of two sites of one name one would take the other's place. */
static bool is_twice(const struct update *u, const struct part *part)
{
	for (const struct part *other = u->parts; other < part; other++)
		if (!strcmp(other->input.compiled.site->id, part->input.compiled.site->id)) {
			fprintf(stderr, "gatehouse bundle: %s and %s are both called %s\n", other->name, part->name,
				part->input.compiled.site->id);
			return true;
		}
	return false;
}

static int read_site(struct update *u, struct part *part)
{
	const char *folder = arena_printf(&u->l->arena, "%s/%s", u->l->file, part->name);
	int code = site_input_read(&part->input, "bundle", folder, &u->l->arena);

	if (code == EXIT_CLEAN)
		code = site_input_compile(&part->input, time(NULL));
	if (code == EXIT_CLEAN && is_twice(u, part))
		code = EXIT_FINDINGS;
	return code == EXIT_CLEAN ? compare(u, part) : code;
}

/* ---- making them ---- */

static int make_one(struct update *u, struct part *part, const struct private_key *key)
{
	const char *path = bundle_path(u, u->l->out, part);
	int code;

	u->l->input = part->input;
	u->l->serial = part->serial;
	code = bundle_make(u->l, &key->public);
	if (code == EXIT_CLEAN)
		code = signing_write(u->l->input.envelope, key, path, &u->l->arena);
	if (code == EXIT_CLEAN)
		printf("%s: serial %lld\n", path, (long long)part->serial);
	return code;
}

static int make_changed(struct update *u)
{
	struct private_key key;
	size_t changed = 0;
	int code = EXIT_CLEAN;

	for (size_t i = 0; i < u->count; i++)
		changed += u->parts[i].serial != 0;
	printf("%zu of %zu sites have changed.\n", changed, u->count);
	if (!changed)
		return EXIT_CLEAN;
	if (mkdir(u->l->out, 0755) < 0 && errno != EEXIST)
		return system_error("cannot make the folder", u->l->out, -errno);
	if (!signing_open(u->l->key, u->l->passphrase_fd, &u->l->arena, &u->l->diags, &key))
		return EXIT_FINDINGS;
	for (size_t i = 0; i < u->count && code == EXIT_CLEAN; i++)
		if (u->parts[i].serial)
			code = make_one(u, &u->parts[i], &key);
	key_free(&key);
	return code;
}

/* All are read and compiled before the first one is written. */
static int update_all(struct bundle_line *l)
{
	struct update u = { .l = l };
	int code = list_sites(&u);

	for (size_t i = 0; i < u.count && code == EXIT_CLEAN; i++)
		code = read_site(&u, &u.parts[i]);
	return code == EXIT_CLEAN ? make_changed(&u) : code;
}

int bundle_update_run(const struct context *context, int argc, char **argv)
{
	struct bundle_line l;
	int code = bundle_line_read(&l, context, argc, argv, false);

	if (code == EXIT_CLEAN && (!l.last || !l.key || !l.out || l.serial || context->json))
		code = usage_error(&command_bundle, "update wants --last FOLDER, --key KEY and -o FOLDER");
	if (code == EXIT_CLEAN && signing_is_box(context))
		code = EXIT_FINDINGS;
	return bundle_line_leave(&l, code == EXIT_CLEAN ? update_all(&l) : code);
}
