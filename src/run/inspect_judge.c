/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/inspect_judge.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "policy/ruleset.h"
#include "protocol/reason.h"
#include "run/inspect_packet.h"
#include "run/inspect_policy.h"
#include "run/inspect_report.h"

#define STEPS_MAX 4096u /* calls in a row that say `more` before that is a lie */

static void enter(struct judge *judge, uint32_t conduit)
{
	struct core_io *io = vm_io(judge->vm);
	struct timespec now, wall;

	clock_gettime(CLOCK_BOOTTIME, &now);
	clock_gettime(CLOCK_REALTIME_COARSE, &wall);
	io->now = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	io->wall = wall.tv_sec;
	io->trace = 0;
	io->taken = atomic_load_explicit(&judge->board->taken, memory_order_relaxed);
	atomic_store_explicit(&judge->board->conduit, conduit, memory_order_relaxed);
	atomic_fetch_add_explicit(&judge->board->turn, 1, memory_order_seq_cst);
}

static void leave(struct judge *judge)
{
	atomic_fetch_add_explicit(&judge->board->turn, 1, memory_order_seq_cst);
}

/* The core's state is not to be used again: clear it and load the program in force. */
void judge_forget(struct judge *judge)
{
	size_t length;
	const void *program = policy_program(&length);
	int loaded = 0;

	judge->board->taken = 0;
	enter(judge, 0);
	if (vm_reset(judge->vm) < 0)
		_exit(INSPECT_EXIT_CORE);
	if (program && (vm_load(judge->vm, program, length, &loaded) != VM_DONE || !loaded))
		_exit(INSPECT_EXIT_CORE);
	leave(judge);
}

static void failed(struct judge *judge, uint32_t conduit)
{
	_Atomic uint8_t *traps = &judge->board->traps[conduit & MARK_CONDUIT];

	leave(judge);
	report(INSPECT_TRAPPED, conduit);
	if (conduit && *traps < QUARANTINE_AFTER && ++*traps == QUARANTINE_AFTER)
		report(INSPECT_QUARANTINED, conduit);
	judge_forget(judge);
}

/* Whom the core may speak of in a call. */
struct scope {
	uint32_t conduit; /* that of the queued packet; 0: any (timers) */
	const struct program_conduit *(*find)(uint32_t number);
};

/* It is printed: only what a terminal shows as it is. */
static bool text_is_sound(const char *text, size_t length, size_t most)
{
	if (length > most || text[length])
		return false;
	for (size_t i = 0; i < length; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	return true;
}

static bool event_is_sound(const struct core_event *event, const struct scope *scope)
{
	if (!scope->find(event->conduit) || (scope->conduit && event->conduit != scope->conduit))
		return false;
	return event->kind >= CORE_EVENT_DENIED && event->kind <= CORE_EVENT_ALLOWED &&
	       event->reason < REASON_COUNT && event->cause < REASON_COUNT &&
	       event->action <= CORE_ACTION_OBSERVED &&
	       event->to_device <= 1 && text_is_sound(event->tag, event->tag_length, CORE_TAG_MAX) &&
	       text_is_sound(event->route, event->route_length, CORE_ROUTE_MAX) &&
	       (event->rule == CORE_NO_RULE || event->rule < policy_rule_count());
}

static bool made_is_sound(struct core_made *made, const struct scope *scope)
{
	const struct program_conduit *known = scope->find(made->conduit);

	if (!known || (scope->conduit && made->conduit != scope->conduit))
		return false;
	return made->length <= CORE_MADE_BYTES && made->to_device <= 1 &&
	       packet_address(made->bytes, made->length, known, made->server_port, made->to_device);
}

static bool records_are_sound(struct core_io *io, const struct scope *scope)
{
	if (io->made_count > CORE_MADE_MAX || io->event_count > CORE_EVENTS_MAX || io->more > 1)
		return false;
	for (uint32_t i = 0; i < io->made_count; i++)
		if (!made_is_sound(&io->made[i], scope))
			return false;
	for (uint32_t i = 0; i < io->event_count; i++)
		if (!event_is_sound(&io->events[i], scope))
			return false;
	return true;
}

static bool verdict_is_sound(struct core_io *io, const struct queued *packet)
{
	switch ((enum core_verdict)io->verdict) {
	case CORE_DROP:
	case CORE_PASS:
		return true;
	case CORE_REPLACE:
		return io->length < CORE_PACKET_MAX &&
		       packet_restore(io->packet, io->length, packet->bytes, packet->length);
	}
	return false;
}

static void report_events(const struct core_io *io)
{
	for (uint32_t i = 0; i < io->event_count; i++)
		report_event(&io->events[i]);
	if (io->events_lost)
		report_lost(io->events_lost);
}

static struct judgement outcome(const struct core_io *io)
{
	report_events(io);
	return (struct judgement){ .verdict = (enum queue_verdict)io->verdict, .bytes = io->packet,
				   .length = io->length, .made = io->made_count, .more = io->more };
}

static bool is_whole(const struct queued *packet)
{
	return packet->bytes && packet->length < CORE_PACKET_MAX &&
	       packet_stated_length(packet->bytes, packet->length) != 0 &&
	       packet_stated_length(packet->bytes, packet->length) <= packet->length;
}

/* The kernel marks an error with the conduit that it is about; to the core it is not a packet of one. */
static uint32_t core_mark(const struct queued *packet)
{
	return packet_is_icmp(packet->bytes, packet->length) ? packet->mark & ~MARK_CONDUIT : packet->mark;
}

/* The supervisor's own, to see it denied: it is of no conduit, so the core may do nothing but drop it. */
static void try_out(struct judge *judge, const struct queued *packet)
{
	struct core_io *io = vm_io(judge->vm);

	enter(judge, 0);
	io->mark = packet->mark & ~MARK_CONDUIT;
	io->length = (uint32_t)packet->length;
	memcpy(io->packet, packet->bytes, packet->length);
	if (vm_packet(judge->vm) != VM_DONE) {
		failed(judge, 0);
		return;
	}
	leave(judge);
	judge->board->tried += io->verdict == CORE_DROP && !io->made_count;
}

struct judgement judge_packet(struct judge *judge, const struct queued *packet)
{
	const struct judgement drop = { .verdict = QUEUE_DROP };
	uint32_t conduit = packet->mark & MARK_CONDUIT;
	const struct scope scope = { conduit, policy_conduit };
	struct core_io *io = vm_io(judge->vm);
	enum vm_result result;

	if (!is_whole(packet)) {
		judge->board->truncated++;
		return drop;
	}
	if (ruleset_is_self_test(packet->mark)) {
		try_out(judge, packet);
		return drop;
	}
	if (!policy_conduit(conduit)) {
		judge->board->unknown++;
		return drop;
	}
	if (judge->board->traps[conduit] >= QUARANTINE_AFTER) {
		judge->board->quarantined++;
		return drop;
	}
	enter(judge, conduit);
	io->mark = core_mark(packet);
	io->length = (uint32_t)packet->length;
	memcpy(io->packet, packet->bytes, packet->length);
	result = vm_packet(judge->vm);
	if (result != VM_DONE || !records_are_sound(io, &scope) || !verdict_is_sound(io, packet)) {
		failed(judge, conduit);
		return drop;
	}
	leave(judge);
	return outcome(io);
}

/* A call that is repeated until there is nothing more to send. */
static struct judgement step(struct judge *judge, enum vm_result (*call)(struct vm *vm),
			     const struct scope *scope)
{
	static unsigned in_a_row;
	struct core_io *io = vm_io(judge->vm);
	enum vm_result result;

	enter(judge, 0);
	result = call(judge->vm);
	in_a_row = result == VM_DONE && io->more ? in_a_row + 1 : 0;
	if (result != VM_DONE || !records_are_sound(io, scope) || in_a_row > STEPS_MAX) {
		in_a_row = 0;
		failed(judge, 0);
		return (struct judgement){ 0 };
	}
	leave(judge);
	return outcome(io);
}

struct judgement judge_tick(struct judge *judge)
{
	return step(judge, vm_tick, &(struct scope){ 0, policy_conduit });
}

struct judgement judge_sweep(struct judge *judge)
{
	return step(judge, vm_sweep, &(struct scope){ 0, policy_conduit_before });
}

bool judge_load(struct judge *judge, const void *program, size_t length)
{
	enum vm_result result;
	int loaded;

	if (!policy_load(program, length))
		return false;
	enter(judge, 0);
	result = vm_load(judge->vm, program, length, &loaded);
	if (result != VM_DONE || !loaded)
		policy_revert();
	if (result != VM_DONE) {
		failed(judge, 0);
		return false;
	}
	leave(judge);
	return loaded;
}
