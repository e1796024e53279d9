/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/vm.h"

#include <string.h>

struct vm {
	int unused;
};

static struct vm the_vm;

const char *vm_kind(void)
{
	return "native";
}

size_t vm_memory_size(void)
{
	return 0;
}

struct vm *vm_open(int memory_fd, int keep)
{
	return &the_vm;
}

struct core_io *vm_io(struct vm *vm)
{
	return core_io();
}

const struct core_totals *vm_totals(struct vm *vm)
{
	return core_totals();
}

/* There is no memory that another process could look into. */
size_t vm_totals_offset(struct vm *vm)
{
	return SIZE_MAX;
}

const struct core_uses *vm_uses(struct vm *vm)
{
	return core_uses();
}

size_t vm_uses_offset(struct vm *vm)
{
	return SIZE_MAX;
}

enum vm_result vm_load(struct vm *vm, const void *program, size_t length, int *ret_loaded)
{
	*ret_loaded = 0;
	if (length > PROGRAM_MAX)
		return VM_DONE;
	memcpy(core_program_area(), program, length);
	*ret_loaded = core_program_load((uint32_t)length) == 1;
	return VM_DONE;
}

enum vm_result vm_sweep(struct vm *vm)
{
	core_sweep();
	return VM_DONE;
}

enum vm_result vm_packet(struct vm *vm)
{
	core_packet();
	return VM_DONE;
}

enum vm_result vm_tick(struct vm *vm)
{
	core_tick();
	return VM_DONE;
}

int vm_reset(struct vm *vm)
{
	core_clear();
	return 0;
}
