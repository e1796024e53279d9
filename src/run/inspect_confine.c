/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/inspect_confine.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <seccomp.h>

#include "run/inspect_account.h"

#define ACCOUNTS "/etc/passwd"
#define CAPABILITY_END 64

static int failure(void)
{
	return errno ? -errno : -EIO;
}

static int close_others(unsigned keep_first, unsigned keep_end)
{
	if (keep_first > 0 && close_range(0, keep_first - 1, 0) < 0)
		return failure();
	return close_range(keep_end, ~0u, 0) < 0 ? failure() : 0;
}

static int limit_resources(void)
{
	const struct rlimit none = { 0, 0 }, few = { 16, 16 };

	if (setrlimit(RLIMIT_CORE, &none) < 0 || setrlimit(RLIMIT_NPROC, &none) < 0 ||
	    setrlimit(RLIMIT_FSIZE, &none) < 0 || setrlimit(RLIMIT_NOFILE, &few) < 0)
		return failure();
	return 0;
}

/* Permitted and effective; nothing is inheritable. */
static int set_capabilities(uint64_t set)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {
		{ .effective = (uint32_t)set, .permitted = (uint32_t)set },
		{ .effective = (uint32_t)(set >> 32), .permitted = (uint32_t)(set >> 32) },
	};

	return syscall(SYS_capset, &header, data) < 0 ? failure() : 0;
}

static int change_user(void)
{
	uid_t user;
	gid_t group;

	inspect_account(ACCOUNTS, &user, &group);
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || setgroups(0, NULL) < 0 ||
	    setresgid(group, group, group) < 0 || setresuid(user, user, user) < 0)
		return failure();
	return 0;
}

static int lock_capabilities(void)
{
	const unsigned long bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
		SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
		SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
	int r = set_capabilities(1ull << CAP_NET_ADMIN | 1ull << CAP_SETPCAP);

	if (r < 0)
		return r;
	for (unsigned long cap = 0; cap < CAPABILITY_END; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 && errno != EINVAL)
			return failure();
	if (prctl(PR_SET_SECUREBITS, bits, 0, 0, 0) < 0 ||
	    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return failure();
	return set_capabilities(1ull << CAP_NET_ADMIN);
}

/* After the change of user, which clears the wish. The parent may have died before it was made. */
static int die_with(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return failure();
	return getppid() == parent ? 0 : -ESRCH;
}

static int restrict_calls(void)
{
	/* Sockets that exist, time, the trap handler's way out, and the end. */
	static const int allowed[] = {
		SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(recvmmsg), SCMP_SYS(sendto),
		SCMP_SYS(sendmsg), SCMP_SYS(sendmmsg), SCMP_SYS(poll), SCMP_SYS(ppoll),
		SCMP_SYS(restart_syscall), SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday),
		SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigaction), SCMP_SYS(sigaltstack),
		SCMP_SYS(exit_group), SCMP_SYS(exit),
	};
	/* A core that starts afresh gives its pages back; what was read from the mailbox is let go. */
	static const scmp_datum_t advice[] = { MADV_REMOVE, MADV_DONTNEED };
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int r = filter ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < sizeof(allowed) / sizeof(*allowed); i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
	for (size_t i = 0; r == 0 && i < sizeof(advice) / sizeof(*advice); i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(madvise), 1,
				     SCMP_A2(SCMP_CMP_EQ, advice[i], 0));
	if (r == 0)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r;
}

int inspect_confine(unsigned keep_first, unsigned keep_end, pid_t parent, const char **ret_step)
{
	int r;

	*ret_step = "close descriptors";
	r = close_others(keep_first, keep_end);
	if (r < 0)
		return r;
	*ret_step = "limit resources";
	r = limit_resources();
	if (r < 0)
		return r;
	*ret_step = "change user";
	r = change_user();
	if (r < 0)
		return r;
	*ret_step = "drop capabilities";
	r = lock_capabilities();
	if (r < 0)
		return r;
	*ret_step = "bind to the supervisor";
	r = die_with(parent);
	if (r < 0)
		return r;
	*ret_step = "restrict system calls";
	return restrict_calls();
}
