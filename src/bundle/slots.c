/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bundle/slots.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "bundle/refuse.h"
#include "json/bind.h"
#include "json/text.h"

#define STATE_FILE "bundles.json"
#define FOLDER "bundles"
#define STATE_MAX 4096u

/* ---- the state ---- */

struct state_members {
	const struct value *format, *highest, *highest_digest, *confirmed, *trial, *trial_boot, *trial_ends;
};

static bool take_text(const struct value *at, char *ret, size_t size)
{
	if (!at)
		return true;
	if (strlen(at->text) >= size)
		return false;
	memcpy(ret, at->text, strlen(at->text) + 1);
	return true;
}

static bool take_digest(const struct value *at, char ret[static DIGEST_SIZE])
{
	return take_text(at, ret, DIGEST_SIZE) && (!at || digest_is_one(ret));
}

static bool take_state(const struct state_members *m, struct slots *ret)
{
	ret->highest = m->highest->integer;
	ret->trial_ends = m->trial_ends ? m->trial_ends->integer : 0;
	return m->format->integer == 1 && ret->highest >= 0 && take_digest(m->highest_digest, ret->highest_digest) &&
	       take_digest(m->confirmed, ret->confirmed) && take_digest(m->trial, ret->trial) &&
	       take_text(m->trial_boot, ret->trial_boot, BOOT_ID_SIZE);
}

static bool read_state(const struct value_source *source, struct arena *arena, struct slots *ret)
{
#define ROW(name, types, required) { #name, types, offsetof(struct state_members, name), required }
	static const struct bind_row rows[] = {
		ROW(format, BIND_INT, true), ROW(highest, BIND_INT, true), ROW(highest_digest, BIND_TEXT, false),
		ROW(confirmed, BIND_TEXT, false), ROW(trial, BIND_TEXT, false), ROW(trial_boot, BIND_TEXT, false),
		ROW(trial_ends, BIND_INT, false),
	};
#undef ROW
	static const struct bind_table table = { "the state", BIND_ROWS(rows) };
	struct state_members m = { 0 };
	struct diag_list diags;
	const struct binder b = { arena, &diags };
	const struct value *value;

	diag_init(&diags, arena);
	value = value_parse(source, arena, &diags);
	return value && bind_type(&b, value, BIND_MAP) && bind_map(&b, value, &table, &m) && !diags.errors &&
	       take_state(&m, ret);
}

int slots_load(const char *state, struct arena *arena, struct slots *ret)
{
	struct value_source source = { .file = arena_printf(arena, "%s/" STATE_FILE, state) };
	char *text;
	int r = file_read(source.file, STATE_MAX, arena, &text, &source.len);

	*ret = (struct slots){ 0 };
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r == -EFBIG || r == -EINVAL ? -EBADMSG : r;
	source.text = text;
	if (read_state(&source, arena, ret))
		return 0;
	*ret = (struct slots){ 0 };
	return -EBADMSG;
}

static void put_text(struct writer *w, const char *name, const char *text)
{
	if (*text)
		writer_put_text(w, name, text);
}

static void put_state(struct writer *w, const struct slots *slots)
{
	writer_open_map(w);
	writer_put_int(w, "format", 1);
	writer_put_int(w, "highest", slots->highest);
	put_text(w, "highest_digest", slots->highest_digest);
	put_text(w, "confirmed", slots->confirmed);
	put_text(w, "trial", slots->trial);
	put_text(w, "trial_boot", slots->trial_boot);
	if (*slots->trial)
		writer_put_int(w, "trial_ends", slots->trial_ends);
	writer_close_map(w);
}

int slots_store(const char *state, const struct slots *slots)
{
	struct arena arena = { 0 };
	struct json_text text;
	struct writer *w = json_text_begin(&text, true);
	int r;

	if (!w)
		return -ENOMEM;
	put_state(w, slots);
	fputc('\n', w->out);
	r = json_text_store(&text, arena_printf(&arena, "%s/" STATE_FILE, state), 0600);
	arena_free(&arena);
	return r;
}

const char *slots_current(const struct slots *slots, const char *boot_id, int64_t now)
{
	bool runs = *slots->trial && !strcmp(slots->trial_boot, boot_id) && now < slots->trial_ends;

	return runs ? slots->trial : slots->confirmed;
}

int slots_boot_id(char ret[static BOOT_ID_SIZE])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, ret, BOOT_ID_SIZE - 1);
	int r = n <= 0 ? -EIO : 0;

	if (fd >= 0)
		close(fd);
	ret[n > 0 ? n : 0] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
	return r;
}

/* ---- serials ---- */

static bool follows(const struct slots *slots, const struct bundle *bundle, struct diag_list *diags)
{
	if (bundle->reset_from != NO_SERIAL)
		return bundle->reset_from == slots->highest ||
		       refuse(diags, bundle->file, "reset-from", "make it again with --reset-from as this box has it",
			      "it leaves serial %lld; this box has seen %lld", (long long)bundle->reset_from,
			      (long long)slots->highest);
	return bundle->serial - slots->highest <= SERIAL_STEP ||
	       refuse(diags, bundle->file, "serial-jump",
		      "use the next serial; if the jump is meant, make it with --reset-from and let it be signed",
		      "its serial %lld is more than %d ahead of %lld, the highest that this box has seen",
		      (long long)bundle->serial, SERIAL_STEP, (long long)slots->highest);
}

bool slots_judge(const struct slots *slots, const struct bundle *bundle, struct diag_list *diags)
{
	if (bundle->serial > slots->highest)
		return follows(slots, bundle, diags);
	if (bundle->serial < slots->highest)
		return refuse(diags, bundle->file, "old-serial",
			      "to go back to old content, make a bundle of it with a new serial and let it be signed",
			      "its serial is %lld; this box has seen %lld already", (long long)bundle->serial,
			      (long long)slots->highest);
	return !strcmp(bundle->digest, slots->highest_digest) ||
	       refuse(diags, bundle->file, "other-content", "make it again with a new serial, and ask who signed both",
		      "another bundle with the serial %lld was here before, with other content",
		      (long long)bundle->serial);
}

/* ---- bundles ---- */

static const char *bundle_path(const char *state, const char *digest, struct arena *arena)
{
	return arena_printf(arena, "%s/" FOLDER "/%s", state, digest);
}

int slots_put(const char *state, const struct envelope *envelope)
{
	struct arena arena = { 0 };
	size_t len;
	const char *text = envelope_text(envelope, &arena, &len);
	int r = mkdir(arena_printf(&arena, "%s/" FOLDER, state), 0700) < 0 && errno != EEXIST ? -errno : 0;

	if (r == 0)
		r = file_replace(bundle_path(state, envelope->digest, &arena), text, len, 0600);
	arena_free(&arena);
	return r;
}

bool slots_get(const char *state, const char *digest, struct arena *arena, struct diag_list *diags,
	       struct envelope *ret_envelope, struct bundle *ret)
{
	const char *path = bundle_path(state, digest, arena);

	return envelope_read(path, PAYLOAD_BUNDLE, arena, diags, ret_envelope) &&
	       (!strcmp(ret_envelope->digest, digest) ||
		refuse(diags, path, "damaged", "apply the bundle again", "its content is not the one of its name")) &&
	       bundle_from(ret_envelope, arena, diags, ret);
}

static bool is_named(const struct slots *slots, const char *name)
{
	return !strcmp(name, slots->confirmed) || !strcmp(name, slots->trial);
}

void slots_clean(const char *state, const struct slots *slots)
{
	struct arena arena = { 0 };
	DIR *folder = opendir(arena_printf(&arena, "%s/" FOLDER, state));
	const struct dirent *entry;

	while (folder && (entry = readdir(folder)))
		if (entry->d_name[0] != '.' && !is_named(slots, entry->d_name))
			unlinkat(dirfd(folder), entry->d_name, 0);
	if (folder)
		closedir(folder);
	arena_free(&arena);
}

void slots_sweep(const char *state)
{
	struct arena arena = { 0 };

	file_sweep(arena_printf(&arena, "%s/" FOLDER, state));
	arena_free(&arena);
}
