/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/vm.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <wasm-rt-impl.h>

#include "core_wasm.h"

#define RESERVED (8ull << 30)     /* address space that wabt's runtime reserves behind an instance */
#define STACK_LIMIT (1ul << 20)   /* native stack: a runaway recursion ends here */
#define SIGNAL_STACK (64u << 10)

struct vm {
	Z_core_instance_t instance;
	Z_core_instance_t fresh;  /* as it was after instantiation: globals and table */
	uint8_t *image;           /* initial content of memory[image_at .. image_at + image_size - 1] */
	size_t image_at;
	size_t image_size;
	int shared;               /* the memory lies over a descriptor */
	struct core_io *io;
	const struct core_totals *totals;
	size_t totals_offset;
	const struct core_uses *uses;
	size_t uses_offset;
	uint32_t length;          /* argument and result of the call under way */
	uint32_t result;
};

/* One instance a process: the handler must know whose fault it is. */
static struct vm the_vm;
static volatile sig_atomic_t inside;
static const char *volatile stack_at; /* where the native stack stood when the core was entered */

static bool fault_is_ours(const siginfo_t *info)
{
	const uint8_t *memory = the_vm.instance.w2c_memory.data;
	const uint8_t *address = info->si_addr;
	const uint8_t *stack = (const uint8_t *)stack_at;

	if (!inside)
		return false;
	if (address >= memory && address < memory + RESERVED)
		return true;
	return address < stack && address >= stack - 2 * STACK_LIMIT;
}

static void on_fault(int number, siginfo_t *info, void *context)
{
	struct sigaction plain = { .sa_handler = SIG_DFL };

	if (fault_is_ours(info))
		siglongjmp(wasm_rt_jmp_buf, WASM_RT_TRAP_OOB);
	sigaction(number, &plain, NULL); /* the host's own fault: it happens again, and ends the process */
}

/* Not deferred: the jump out of the handler then needs no call to unblock the signal. */
static int catch_faults(void)
{
	static uint8_t stack[SIGNAL_STACK];
	stack_t alternate = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction action = { .sa_sigaction = on_fault,
				    .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };

	sigemptyset(&action.sa_mask);
	if (sigaltstack(&alternate, NULL) < 0 || sigaction(SIGSEGV, &action, NULL) < 0 ||
	    sigaction(SIGBUS, &action, NULL) < 0)
		return -errno;
	return 0;
}

static int bound_stack(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_STACK, &limit) < 0)
		return -errno;
	if (limit.rlim_cur > STACK_LIMIT)
		limit.rlim_cur = STACK_LIMIT;
	if (limit.rlim_max > STACK_LIMIT)
		limit.rlim_max = STACK_LIMIT;
	return setrlimit(RLIMIT_STACK, &limit) < 0 ? -errno : 0;
}

static enum vm_result guarded(struct vm *vm, void (*call)(struct vm *vm))
{
	char here;

	stack_at = &here;
	if (sigsetjmp(wasm_rt_jmp_buf, 0) != 0) {
		inside = 0;
		return VM_TRAP;
	}
	inside = 1;
	call(vm);
	inside = 0;
	return VM_DONE;
}

static void call_io(struct vm *vm)
{
	vm->result = Z_coreZ_core_io(&vm->instance);
}

static void call_totals(struct vm *vm)
{
	vm->result = Z_coreZ_core_totals(&vm->instance);
}

static void call_uses(struct vm *vm)
{
	vm->result = Z_coreZ_core_uses(&vm->instance);
}

static void call_area(struct vm *vm)
{
	vm->result = Z_coreZ_core_program_area(&vm->instance);
}

static void call_load(struct vm *vm)
{
	vm->result = Z_coreZ_core_program_load(&vm->instance, vm->length);
}

static void call_sweep(struct vm *vm)
{
	Z_coreZ_core_sweep(&vm->instance);
}

static void call_packet(struct vm *vm)
{
	Z_coreZ_core_packet(&vm->instance);
}

static void call_tick(struct vm *vm)
{
	Z_coreZ_core_tick(&vm->instance);
}

/* The bytes at an offset that the core returned, or NULL when they are not all its own. */
static void *checked(struct vm *vm, uint32_t offset, size_t size, size_t alignment)
{
	size_t limit = vm->instance.w2c_memory.size;

	if (offset % alignment || offset > limit || limit - offset < size)
		return NULL;
	return vm->instance.w2c_memory.data + offset;
}

/* The pages from the first to the last that instantiation wrote to; the others, most of them, are not even there. */
static int find_image(struct vm *vm)
{
	uint8_t *memory = vm->instance.w2c_memory.data;
	size_t page = (size_t)sysconf(_SC_PAGESIZE), pages = vm->instance.w2c_memory.size / page, first = 0;
	unsigned char *there = malloc(pages + 1);

	if (!there || mincore(memory, pages * page, there) < 0) {
		free(there);
		return -ENOMEM;
	}
	while (first < pages && !(there[first] & 1))
		first++;
	while (pages > first && !(there[pages - 1] & 1))
		pages--;
	free(there);
	vm->image_at = first * page;
	vm->image_size = (pages - first) * page;
	return 0;
}

/* Data segments lie together, between the stack and the zeroed part. */
static int remember_image(struct vm *vm)
{
	if (find_image(vm) < 0)
		return -ENOMEM;
	vm->image = malloc(vm->image_size + 1);
	if (!vm->image)
		return -ENOMEM;
	memcpy(vm->image, vm->instance.w2c_memory.data + vm->image_at, vm->image_size);
	return 0;
}

/* Puts the descriptor's pages where the instance's own memory was. */
static int lay_over(struct vm *vm, int fd)
{
	const wasm_rt_memory_t *memory = &vm->instance.w2c_memory;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size < (off_t)memory->size)
		return -EINVAL;
	if (mmap(memory->data, memory->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) ==
	    MAP_FAILED)
		return -errno;
	vm->shared = 1;
	return 0;
}

static int find_blocks(struct vm *vm)
{
	if (guarded(vm, call_io) != VM_DONE)
		return -EFAULT;
	vm->io = checked(vm, vm->result, sizeof(*vm->io), alignof(struct core_io));
	if (guarded(vm, call_totals) != VM_DONE)
		return -EFAULT;
	vm->totals_offset = vm->result;
	vm->totals = checked(vm, vm->result, sizeof(*vm->totals), alignof(struct core_totals));
	if (guarded(vm, call_uses) != VM_DONE)
		return -EFAULT;
	vm->uses_offset = vm->result;
	vm->uses = checked(vm, vm->result, sizeof(*vm->uses), alignof(struct core_uses));
	return vm->io && vm->totals && vm->uses ? 0 : -EFAULT;
}

static void instantiate(struct vm *vm)
{
	if (!vm->instance.w2c_memory.data) {
		wasm_rt_init();
		Z_core_init_module();
		Z_core_instantiate(&vm->instance);
		vm->fresh = vm->instance;
	}
}

const char *vm_kind(void)
{
	return "sandbox";
}

size_t vm_memory_size(void)
{
	instantiate(&the_vm);
	return the_vm.instance.w2c_memory.size;
}

struct vm *vm_open(int memory_fd, int keep)
{
	struct vm *vm = &the_vm;

	instantiate(vm);
	if (catch_faults() < 0 || bound_stack() < 0 || remember_image(vm) < 0)
		return NULL;
	if (memory_fd >= 0 && lay_over(vm, memory_fd) < 0)
		return NULL;
	if (memory_fd >= 0 && !keep && vm_reset(vm) < 0)
		return NULL;
	return find_blocks(vm) < 0 ? NULL : vm;
}

struct core_io *vm_io(struct vm *vm)
{
	return vm->io;
}

const struct core_totals *vm_totals(struct vm *vm)
{
	return vm->totals;
}

size_t vm_totals_offset(struct vm *vm)
{
	return vm->totals_offset;
}

const struct core_uses *vm_uses(struct vm *vm)
{
	return vm->uses;
}

size_t vm_uses_offset(struct vm *vm)
{
	return vm->uses_offset;
}

enum vm_result vm_load(struct vm *vm, const void *program, size_t length, int *ret_loaded)
{
	void *area;

	*ret_loaded = 0;
	if (length > PROGRAM_MAX)
		return VM_DONE;
	if (guarded(vm, call_area) != VM_DONE)
		return VM_TRAP;
	area = checked(vm, vm->result, PROGRAM_MAX, 8);
	if (!area)
		return VM_TRAP;
	memcpy(area, program, length);
	vm->length = (uint32_t)length;
	if (guarded(vm, call_load) != VM_DONE)
		return VM_TRAP;
	*ret_loaded = vm->result == 1;
	return VM_DONE;
}

enum vm_result vm_sweep(struct vm *vm)
{
	return guarded(vm, call_sweep);
}

enum vm_result vm_packet(struct vm *vm)
{
	return guarded(vm, call_packet);
}

enum vm_result vm_tick(struct vm *vm)
{
	return guarded(vm, call_tick);
}

int vm_reset(struct vm *vm)
{
	wasm_rt_memory_t *memory = &vm->fresh.w2c_memory;

	vm->instance = vm->fresh;
	if (madvise(memory->data, memory->size, vm->shared ? MADV_REMOVE : MADV_DONTNEED) < 0)
		return -errno;
	memcpy(memory->data + vm->image_at, vm->image, vm->image_size);
	return 0;
}
