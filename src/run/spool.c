/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/spool.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/failure.h"
#include "bundle/trust_store.h"
#include "run/control.h"
#include "run/supervisor.h"

#define FOLDER "spool"
#define SUFFIX ".bundle"

static void tell(struct supervisor *s, const char *text)
{
	s->voice->warn(text);
	events_deed(&s->events, EVENTS_SPOOL, text);
}

/* ---- taking one ---- */

static bool is_plain_file(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* Into the state folder, where nobody can change it any more, before it is looked at. */
static int move_in(const char *from, const char *to)
{
	if (rename(from, to) < 0)
		return -errno;
	if (is_plain_file(to))
		return 0;
	unlink(to);
	return -EINVAL;
}

static void refuse(struct supervisor *s, const char *path, const char *why, struct arena *arena)
{
	const char *aside = arena_printf(arena, "%s.refused", path);

	if (rename(path, aside) < 0)
		unlink(path);
	tell(s, arena_printf(arena, "A bundle in the spool was refused: %s", why));
}

/* What the box makes of it: `apply` deletes the file, so a copy under another name stays. */
static void try_bundle(struct supervisor *s, const char *path, const char *proposed, struct arena *arena)
{
	const char *refused = arena_printf(arena, "%s.refused", path), *text;
	struct diag_list diags;
	int r;

	diag_init(&diags, arena);
	unlink(refused);
	if (link(proposed, refused) < 0)
		supervisor_warn(s, "no copy of the bundle is kept in the spool: %s", failure_text(-errno));
	s->trial.seconds = TRIAL_DEFAULT;
	r = supervisor_apply(s, SOURCE_BUNDLE, NULL, arena, &diags, &text);
	s->voice->findings(&diags);
	if (r == 0) {
		unlink(refused);
		trial_begun(s, s->policy, FOLDER, text);
	}
	tell(s, arena_printf(arena, "%s%s%s%s", r ? "A bundle in the spool was refused: " : "From the spool: ", text,
			     r && diags.count ? ": " : "", r && diags.count ? diags.items[0].message : ""));
}

static void take(struct supervisor *s, const char *path, struct arena *arena)
{
	const char *proposed = arena_printf(arena, "%s/" CONTROL_BUNDLE, s->state);
	int r;

	if (trial_runs(s)) {
		refuse(s, path, "another one is on trial", arena);
		return;
	}
	r = move_in(path, proposed);
	if (r < 0)
		tell(s, arena_printf(arena, "A bundle in the spool cannot be taken: %s", failure_text(r)));
	else
		try_bundle(s, path, proposed, arena);
}

/* ---- looking ---- */

static bool is_bundle(const char *name)
{
	size_t len = strlen(name), tail = strlen(SUFFIX);

	return *name != '.' && len > tail && !strcmp(name + len - tail, SUFFIX);
}

/* How many there are; the last one's name. */
static size_t count_bundles(const char *folder, struct arena *arena, const char **ret_name)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;
	size_t count = 0;

	while (dir && (entry = readdir(dir)))
		if (is_bundle(entry->d_name)) {
			*ret_name = arena_printf(arena, "%s", entry->d_name);
			count++;
		}
	if (dir)
		closedir(dir);
	return count;
}

static void look(struct supervisor *s)
{
	struct arena arena = { 0 };
	const char *folder = arena_printf(&arena, "%s/" FOLDER, s->state), *name = "", *wanted;
	struct trust *trust = arena_alloc(&arena, sizeof(*trust));
	size_t count = count_bundles(folder, &arena, &name);
	struct diag_list diags;

	diag_init(&diags, &arena);
	if (count && trust_store_load(s->state, &arena, &diags, trust) == 0) {
		wanted = arena_printf(&arena, "%s" SUFFIX, trust->site);
		if (count > 1)
			tell(s, "There are several bundles in the spool: none is taken. Leave one there.");
		else if (strcmp(name, wanted) != 0)
			tell(s, arena_printf(&arena, "A bundle in the spool is called %s and not %s: it is left alone.", name,
					     wanted));
		else
			take(s, arena_printf(&arena, "%s/%s", folder, name), &arena);
	}
	arena_free(&arena);
}

/* ---- watching ---- */

static int watch(const char *folder)
{
	int fd, r;

	if (mkdir(folder, 0750) < 0 && errno != EEXIST)
		return -errno;
	fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (fd < 0 || inotify_add_watch(fd, folder, IN_CLOSE_WRITE | IN_MOVED_TO | IN_ONLYDIR) >= 0)
		return fd < 0 ? -errno : fd;
	r = -errno;
	close(fd);
	return r;
}

void spool_open(struct supervisor *s)
{
	char folder[4096];
	int r;

	snprintf(folder, sizeof(folder), "%s/" FOLDER, s->state);
	r = watch(folder);
	s->spool.fd = r < 0 ? -1 : r;
	if (r < 0)
		supervisor_warn(s, "%s is not watched: %s", folder, failure_text(r));
	look(s);
}

void spool_close(struct supervisor *s)
{
	if (s->spool.fd >= 0)
		close(s->spool.fd);
	s->spool.fd = -1;
}

int spool_fd(const struct supervisor *s)
{
	return s->spool.fd;
}

void spool_read(struct supervisor *s)
{
	char events[4096];

	while (read(s->spool.fd, events, sizeof(events)) > 0)
		;
	look(s);
}
