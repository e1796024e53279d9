/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * One instance of the decision core, however it was built: in the WebAssembly sandbox (vm_sandbox.c)
 * or natively (vm_native.c). A program links exactly one of the two. Everything that comes out of
 * the core through these calls is untrusted: an offset or length that does not lie inside the
 * instance's memory is a trap.
 */
#include <stddef.h>
#include <stdint.h>

#include "inspect/core.h"

struct vm;

enum vm_result {
	VM_DONE = 0,
	VM_TRAP /* out-of-bounds access, exhausted stack, unreachable: the state is not to be used again */
};

/* "sandbox" or "native". */
const char *vm_kind(void);

/*
 * Creates the instance. With memory_fd >= 0 (a memfd of at least vm_memory_size() bytes, opened read
 * and write) the sandbox lays its linear memory over the descriptor, so that the state outlives the
 * process; `keep` = 1 goes on with the state found there, 0 starts fresh. The native core ignores both.
 * Returns NULL when memory cannot be had. The instance lives until the process ends.
 */
struct vm *vm_open(int memory_fd, int keep);

/* Bytes of linear memory an instance takes. */
size_t vm_memory_size(void);

/* The shared block; the pointer is checked and stays valid for the life of the instance. */
struct core_io *vm_io(struct vm *vm);

/* The counters, and their offset from the start of the linear memory (for a reader of the memfd). */
const struct core_totals *vm_totals(struct vm *vm);
size_t vm_totals_offset(struct vm *vm);

/* The table of uses, likewise. */
const struct core_uses *vm_uses(struct vm *vm);
size_t vm_uses_offset(struct vm *vm);

/*
 * Copies a match program in and loads it. *ret_loaded: 1 in force, 0 refused. After a 1 call vm_sweep()
 * until io->more is 0: the packets it makes name conduits of the program that was in force before.
 */
enum vm_result vm_load(struct vm *vm, const void *program, size_t length, int *ret_loaded);

enum vm_result vm_sweep(struct vm *vm);
enum vm_result vm_packet(struct vm *vm);
enum vm_result vm_tick(struct vm *vm);

/* Throws the state away and starts fresh (after a trap); the program must be loaded again. */
int vm_reset(struct vm *vm);
