/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netfilter/commit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "netfilter/link.h"
#include "netfilter/messages.h"
#include "netfilter/probe.h"
#include "netfilter/rows.h"
#include "netfilter/shape.h"
#include "netfilter/state.h"

#define ATTEMPTS 8 /* while others change the ruleset */

struct commit {
	struct arena arena;
	struct link link;
	const struct ruleset *ruleset;
	struct diag_list *diags;
	struct netfilter_kernel kernel;
	struct rows wanted[SHAPE_SETS];
	struct state before;
};

/* ---- what the transaction says ---- */

/* A table that is new, or not of our shape: made again, with the counts that could be read. */
static void put_anew(const struct commit *c, struct batch *batch, enum shape_set_id id)
{
	const struct rows *wanted = &c->wanted[id], *had = &c->before.rows[id];
	size_t j = 0;

	for (size_t i = 0; i < wanted->count; i++) {
		const struct row *row = &wanted->items[i];

		while (j < had->count && rows_compare(&had->items[j], row) < 0)
			j++;
		messages_row_add(batch, id, row,
				 j < had->count && !rows_compare(&had->items[j], row) ? &had->items[j] : NULL);
	}
}

struct change {
	struct batch *batch;
	enum shape_set_id id;
};

static void delete_changed(const struct row *old, const struct row *new, void *data)
{
	const struct change *change = data;

	if (old && !(new && rows_same(old, new)))
		messages_row_delete(change->batch, change->id, old);
}

/* A conduit whose mark or rules changed is another element, but its count goes on. */
static void add_changed(const struct row *old, const struct row *new, void *data)
{
	const struct change *change = data;

	if (new && !(old && rows_same(old, new)))
		messages_row_add(change->batch, change->id, new, old);
}

static void build_anew(const struct commit *c, struct batch *batch)
{
	messages_table(batch, true);
	messages_table(batch, false);
	for (size_t i = 0; i < SHAPE_DROPS; i++)
		messages_counter(batch, shape_drops[i].name, c->before.drops[i].packets,
				 c->before.drops[i].bytes);
	messages_frame(batch);
	for (unsigned id = 0; id < SHAPE_SETS; id++)
		put_anew(c, batch, (enum shape_set_id)id);
	messages_rules(batch, false, c->ruleset, &c->kernel);
}

/* Rules are all put anew: they carry no counts, and whatever somebody changed in them is gone. */
static void build_difference(const struct commit *c, struct batch *batch)
{
	messages_table(batch, false);
	for (unsigned id = 0; id < SHAPE_SETS; id++) {
		const struct rows *had = &c->before.rows[id], *wanted = &c->wanted[id];
		struct change change = { .batch = batch, .id = (enum shape_set_id)id };

		rows_side_by_side(had, wanted, delete_changed, &change);
		rows_side_by_side(had, wanted, add_changed, &change);
	}
	messages_rules(batch, true, c->ruleset, &c->kernel);
}

/* ---- what the kernel says ---- */

static void take_refusal(const struct refusal *refusal, void *data)
{
	struct commit *c = data;
	const struct row *row = refusal->origin->row;
	const char *what = messages_origin(refusal->origin, &c->arena);
	struct diag_place place = { 0 };

	if (!what)
		return;
	if (row && row->file)
		place = (struct diag_place){ .file = row->file, .line = row->line, .column = row->line ? 1 : 0,
					     .width = 1 };
	diag_add(c->diags, DIAG_ERROR, "kernel-refused", &place,
		 place.file ? "nothing was changed, what was in force still is; correct this rule and apply again" :
			      "nothing was changed, what was in force still is; this kernel may lack a part of "
			      "nftables that the gate needs (nf_tables, nft_ct, nft_log, and nft_queue or "
			      "nft_compat with xt_NFQUEUE)",
		 "the kernel refused %s: %s%s%s", what, strerror(refusal->error),
		 refusal->text ? ": " : "", refusal->text ? refusal->text : "");
}

static int try_once(struct commit *c)
{
	struct batch batch;
	int error = state_read(&c->link, &c->arena, NULL, &c->before);

	if (error)
		return error;
	batch_begin(&batch, &c->arena, c->before.generation);
	if (c->before.frame)
		build_difference(c, &batch);
	else
		build_anew(c, &batch);
	batch_end(&batch, true);
	return link_send(&c->link, &batch, take_refusal, c);
}

/* Dumps and transactions are refused when somebody changed the ruleset meanwhile: look again. */
static bool worth_another(int error)
{
	return error == -EINTR || error == -ERESTART || error == -EAGAIN;
}

static bool reads_back(const struct commit *c, const struct state *now)
{
	for (unsigned id = 0; id < SHAPE_SETS; id++) {
		if (now->rows[id].count != c->wanted[id].count)
			return false;
		for (size_t i = 0; i < now->rows[id].count; i++) {
			if (!rows_same(&now->rows[id].items[i], &c->wanted[id].items[i]))
				return false;
		}
	}
	return now->frame;
}

static int read_back(struct commit *c)
{
	struct state now;
	int error = -EINTR;

	for (int i = 0; i < ATTEMPTS && worth_another(error); i++)
		error = state_read(&c->link, &c->arena, NULL, &now);
	if (error || reads_back(c, &now))
		return error;
	diag_add(c->diags, DIAG_ERROR, "kernel-differs", &(struct diag_place){ 0 },
		 "look for another program that changes nftables on this machine, then apply again",
		 "the ruleset was loaded, but the kernel does not hold what was sent");
	return -EBADE;
}

/* ---- a setting beside the table ---- */

static bool is_on(const char *setting)
{
	int fd = open(setting, O_RDONLY | O_CLOEXEC);
	char value = '0';

	if (fd < 0)
		return false;
	if (read(fd, &value, 1) != 1)
		value = '0';
	close(fd);
	return value == '1';
}

/*
 * The kernel's own ICMP errors get the mark of the packet they are about: chain "told" lets out those
 * about packets of a conduit. Without it path MTU discovery through the gate fails, and that is all.
 * A hardened unit can but look whether it was set at boot.
 */
static void reflect_marks(struct commit *c)
{
	static const char *const settings[] = { "/proc/sys/net/ipv4/fwmark_reflect",
						"/proc/sys/net/ipv6/fwmark_reflect" };

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		int fd;
		bool missing, set;

		if (is_on(settings[i]))
			continue;
		fd = open(settings[i], O_WRONLY | O_CLOEXEC);
		missing = fd < 0 && errno == ENOENT; /* a kernel without IPv6 */
		set = fd >= 0 && write(fd, "1", 1) == 1;
		if (!set && !missing)
			diag_add(c->diags, DIAG_WARNING, "kernel-setting", &(struct diag_place){ 0 },
				 "set it to 1 at boot, in /etc/sysctl.d; until then large packets may vanish where "
				 "one network takes smaller ones than the other",
				 "%s cannot be set: %s", settings[i], strerror(errno));
		if (fd >= 0)
			close(fd);
	}
}

static int commit_over(struct commit *c)
{
	int error = netfilter_probe(&c->link, &c->kernel);

	if (error)
		return error;
	for (unsigned id = 0; id < SHAPE_SETS; id++)
		rows_wanted(c->ruleset, (enum shape_set_id)id, &c->arena, &c->wanted[id]);
	reflect_marks(c);
	error = -EINTR;
	for (int i = 0; i < ATTEMPTS && worth_another(error); i++)
		error = try_once(c);
	return error ? error : read_back(c);
}

int netfilter_commit(const struct ruleset *ruleset, struct diag_list *diags)
{
	struct commit c = { .ruleset = ruleset, .diags = diags };
	int error = link_open(&c.link);

	if (error)
		return error;
	error = commit_over(&c);
	link_close(&c.link);
	arena_free(&c.arena);
	return error;
}

static int remove_closed(void)
{
	static const struct ruleset nothing = { .site = "",
						.queue_first = RULESET_QUEUE,
						.queue_count = 1,
						.log_group = RULESET_LOG_GROUP };
	struct arena arena = { 0 };
	struct diag_list diags;
	int error;

	diag_init(&diags, &arena);
	error = netfilter_commit(&nothing, &diags);
	arena_free(&arena);
	return error;
}

static void ignore(const struct refusal *refusal, void *data)
{
}

static int remove_open(void)
{
	struct arena arena = { 0 };
	struct link link;
	struct batch batch;
	int error = link_open(&link);

	if (error)
		return error;
	batch_begin(&batch, &arena, 0);
	messages_table(&batch, true);
	batch_end(&batch, true);
	error = link_send(&link, &batch, ignore, NULL);
	link_close(&link);
	arena_free(&arena);
	return error;
}

int netfilter_remove(enum netfilter_removal removal)
{
	return removal == NETFILTER_REMOVE_OPEN ? remove_open() : remove_closed();
}
