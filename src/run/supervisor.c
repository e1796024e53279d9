/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/failure.h"
#include "base/file.h"
#include "bundle/trust_store.h"
#include "netfilter/commit.h"
#include "netfilter/read.h"
#include "run/control.h"
#include "run/in_force.h"

const struct ruleset supervisor_nothing = {
	.site = "none",
	.queue_first = RULESET_QUEUE,
	.queue_count = 1,
	.log_group = RULESET_LOG_GROUP,
};

void supervisor_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t length = path ? strlen(path) : 0;
	int fd;

	if (length < 2 || length >= sizeof(address.sun_path))
		return;
	memcpy(address.sun_path, path, length);
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address,
	       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
	close(fd);
}

void supervisor_warn(const struct supervisor *s, const char *format, ...)
{
	char line[1024];
	va_list list;

	va_start(list, format);
	vsnprintf(line, sizeof(line), format, list);
	va_end(list);
	s->voice->warn(line);
}

/* ---- the loop ---- */

static void reload(struct supervisor *s, enum policy_source from)
{
	struct arena arena = { 0 };
	struct diag_list diags;
	const char *text;
	int r;

	diag_init(&diags, &arena);
	r = supervisor_apply(s, from, NULL, &arena, &diags, &text);
	s->voice->findings(&diags);
	if (r == 0)
		s->voice->say(text);
	else
		supervisor_warn(s, "reload: %s", text);
	arena_free(&arena);
}

static void on_signal(struct supervisor *s)
{
	struct signalfd_siginfo info;

	if (read(s->signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP)
		reload(s, SOURCE_IN_FORCE);
	else
		s->stopping = true;
}

static void on_refused(const struct nflog_message *message, void *data)
{
	struct supervisor *s = data;

	feed_refused(s, message);
	events_refused(&s->events, message);
}

static void read_refused(struct supervisor *s)
{
	for (int i = 0; i < 16; i++)
		if (nflog_read(&s->nflog, on_refused, s) <= 0)
			return;
}

static void renew_windows(struct supervisor *s)
{
	if (!s->policy || child_now() < s->renew_at || s->drift.maintenance_until)
		return;
	s->renew_at = child_now() + 3600 * 1000; /* should it fail, again in an hour */
	reload(s, SOURCE_RUNNING);
}

/* Maintenance does not hold this up: the clock closes, or opens again, what a rule says. */
static void follow_clock(struct supervisor *s)
{
	clock_watch_tick(s);
	if (s->policy && clock_watch_calls(s))
		reload(s, SOURCE_RUNNING);
}

enum { FD_SIGNALS, FD_LISTENER, FD_NFLOG, FD_DRIFT, FD_CLOCK, FD_SPOOL, FD_CREW };

static bool is_ready(const struct pollfd *fd)
{
	return fd->fd >= 0 && fd->revents;
}

static void run_once(struct supervisor *s)
{
	struct pollfd fds[FD_CREW + CREW_FDS] = {
		[FD_SIGNALS] = { .fd = s->signals, .events = POLLIN },
		[FD_LISTENER] = { .fd = s->listener, .events = POLLIN },
		[FD_NFLOG] = { .fd = s->nflog_open ? nflog_fd(&s->nflog) : -1, .events = POLLIN },
		[FD_DRIFT] = { .fd = drift_watch_fd(s), .events = POLLIN },
		[FD_CLOCK] = { .fd = clock_watch_fd(s), .events = POLLIN },
		[FD_SPOOL] = { .fd = spool_fd(s), .events = POLLIN },
	};
	int timeout, drift = drift_watch_timeout(s);
	size_t count = FD_CREW + crew_wait(s, fds + FD_CREW, &timeout);

	timeout = drift < timeout ? drift : timeout;
	timeout = feed_timeout(s) < timeout ? feed_timeout(s) : timeout;
	timeout = trial_timeout(s) < timeout ? trial_timeout(s) : timeout;
	timeout = grants_timeout(s) < timeout ? grants_timeout(s) : timeout;
	poll(fds, count, timeout);
	follow_clock(s);
	if (is_ready(&fds[FD_DRIFT]))
		drift_watch_read(s);
	drift_watch_tick(s);
	crew_tend(s, fds + FD_CREW);
	if (is_ready(&fds[FD_NFLOG]))
		read_refused(s);
	if (is_ready(&fds[FD_SIGNALS]))
		on_signal(s);
	if (is_ready(&fds[FD_LISTENER]))
		supervisor_serve_client(s);
	if (is_ready(&fds[FD_SPOOL]))
		spool_read(s);
	trial_tick(s);
	grants_tick(s);
	renew_windows(s);
	self_test_tick(s);
	events_tick(&s->events);
	feed_tick(s);
}

/* ---- start and end ---- */

static void sweep(struct supervisor *s)
{
	file_sweep(s->state);
	file_sweep(s->runtime);
	slots_sweep(s->state);
}

static int make_folder(struct supervisor *s, const char *path, mode_t mode)
{
	int r;

	if (mkdir(path, mode) == 0 || errno == EEXIST)
		return 0;
	r = -errno;
	supervisor_warn(s, "cannot make the folder %s: %s", path, failure_text(r));
	return r;
}

static int take_lock(struct supervisor *s)
{
	char path[4096];
	int r;

	snprintf(path, sizeof(path), "%s/lock", s->runtime);
	s->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (s->lock >= 0 && flock(s->lock, LOCK_EX | LOCK_NB) == 0)
		return 0;
	r = -errno;
	if (r == -EWOULDBLOCK)
		supervisor_warn(s, "another supervisor is running with %s: ask it with `gatehouse status`, or end it "
			"first (systemctl stop gatehouse). The file need not be removed", path);
	else
		supervisor_warn(s, "cannot lock %s: %s", path, failure_text(r));
	return r;
}

static int take_signals(struct supervisor *s)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signals < 0 ? -errno : 0;
}

/* A disk that fails costs the record; a wrong path or missing rights must be put right first. */
static bool is_of_the_disk(int error)
{
	return error == -EROFS || error == -ENOSPC || error == -EDQUOT || error == -EIO;
}

/* A gate that ends by itself writes last that it was stopped. Its start may be out of sight, far back in the log. */
static bool ended_badly(const char *log)
{
	static const char *const ends[] = { "started", "stopped", NULL };
	struct arena arena = { 0 };
	const char **any, **lines;
	bool badly = event_log_recent(log, NULL, 1, &arena, &any) == 1 &&
		     !(event_log_recent(log, ends, 1, &arena, &lines) == 1 &&
		       strstr(lines[0], "\"event\": \"stopped\""));

	arena_free(&arena);
	return badly;
}

static int open_records(struct supervisor *s)
{
	int r;

	snprintf(s->events_path, sizeof(s->events_path), "%s/events.jsonl", s->state);
	s->events.warn = s->voice->warn;
	s->after_a_crash = ended_badly(s->events_path);
	r = event_log_open(&s->events.log, s->events_path);
	if (r < 0)
		supervisor_warn(s, "cannot write %s: %s%s", s->events_path, failure_text(r), is_of_the_disk(r) ?
		     ". The gate guards without a record until this works again" : "");
	if (r < 0 && !is_of_the_disk(r))
		return r;
	r = nflog_open(RULESET_LOG_GROUP, &s->nflog);
	s->nflog_open = r == 0;
	if (r < 0)
		supervisor_warn(s, "refused packets will not be recorded (log group %u: %s)", RULESET_LOG_GROUP,
		     failure_text(r));
	return 0;
}

/* An empty ruleset denies everything. */
static int deny_everything(struct supervisor *s)
{
	struct arena arena = { 0 };
	struct diag_list diags;
	int r;

	diag_init(&diags, &arena);
	r = netfilter_commit(&supervisor_nothing, &diags);
	s->voice->findings(&diags);
	arena_free(&arena);
	if (r < 0)
		supervisor_warn(s, "the kernel does not take the ruleset: %s", failure_text(r));
	return r;
}

/*
 * Before anything that may fail: a box that comes up with a damaged disk must not forward. Where a
 * ruleset is in the kernel already, it stays.
 */
static int close_what_is_open(struct supervisor *s)
{
	struct netfilter_counts counts = { 0 };
	struct arena arena = { 0 };
	int r = netfilter_read(&arena, &counts);

	arena_free(&arena);
	return r == 0 && counts.in_force ? 0 : deny_everything(s);
}

int supervisor_deny(struct supervisor *s)
{
	int r = deny_everything(s);

	if (r == 0)
		supervisor_put_in_force(s, NULL);
	return r;
}

/*
 * A box whose bundle cannot be put in force guards all the same, by denying everything: only so can it be given
 * another bundle.
 */
static int deny_for_want(struct supervisor *s)
{
	s->voice->warn("EVERYTHING IS DENIED, since what should be in force cannot be: apply a bundle "
		       "(gatehouse apply FILE)");
	return supervisor_deny(s);
}

static int first_policy(struct supervisor *s, const char *folder)
{
	struct arena arena = { 0 };
	struct diag_list diags;
	const char *text;
	int r;

	if (!folder && !s->trial.damaged && !in_force_exists(s->state, &s->trial.slots)) {
		r = deny_everything(s);
		if (r == 0)
			s->voice->say("No policy is in force on this box: everything is denied. "
				      "`gatehouse apply DIR` puts one in force.");
		return r;
	}
	diag_init(&diags, &arena);
	r = supervisor_apply(s, folder ? SOURCE_FOLDER : SOURCE_IN_FORCE, folder, &arena, &diags, &text);
	s->voice->findings(&diags);
	if (r == 0)
		s->voice->say(text);
	else
		supervisor_warn(s, "%s", text);
	arena_free(&arena);
	if (r != 0 && !folder && trust_store_exists(s->state))
		return deny_for_want(s);
	if (r != 0 && !folder)
		s->voice->warn("not guarding: inspected traffic stays closed. If the stored policy cannot be "
			       "repaired, start with the site folder: gatehouse run DIR");
	return r > 0 ? -EINVAL : r;
}

static int start(struct supervisor *s, const char *folder, unsigned queues)
{
	int r = make_folder(s, s->runtime, 0750);

	if (r == 0)
		r = make_folder(s, s->state, 0750);
	if (r == 0)
		r = take_lock(s);
	if (r == 0)
		sweep(s);
	if (r == 0) /* before anything else: nothing is forwarded that no ruleset has marked */
		drift_watch_open(s);
	if (r == 0 && !folder)
		r = close_what_is_open(s);
	if (r == 0)
		r = take_signals(s);
	if (r == 0)
		r = open_records(s);
	if (r == 0)
		clock_watch_open(s);
	if (r == 0)
		feed_open(s);
	if (r == 0)
		trial_open(s);
	if (r == 0)
		grants_open(s);
	if (r == 0)
		island_load(s->state, &s->island);
	if (r == 0)
		r = crew_start(s, queues);
	if (r == 0)
		self_test_open(s);
	if (r == 0)
		r = first_policy(s, folder);
	if (r < 0)
		return r;
	spool_open(s);
	s->listener = control_listen(s->runtime);
	if (s->listener < 0)
		supervisor_warn(s, "cannot open the control socket in %s: %s", s->runtime, failure_text(s->listener));
	return s->listener < 0 ? s->listener : 0;
}

static void end(struct supervisor *s)
{
	feed_close(s);
	crew_stop(&s->crew);
	self_test_close(&s->self_test);
	drift_watch_close(s);
	clock_watch_close(s);
	spool_close(s);
	if (s->nflog_open)
		nflog_close(&s->nflog);
	if (s->stopping)
		events_deed(&s->events, EVENTS_STOPPED, "The gate was stopped: inspected traffic is closed.");
	event_log_close(&s->events.log);
	if (s->listener < 0)
		return;
	close(s->listener);
	control_forget(s->runtime);
}

int supervisor_run(const char *state, const char *runtime, const char *folder, unsigned queues,
		   const struct supervisor_voice *voice)
{
	static struct supervisor s;
	int r;

	s = (struct supervisor){ .state = state, .runtime = runtime, .voice = voice, .listener = -1,
				 .started_at = time(NULL), .clock.timer = -1, .self_test.fd = -1, .spool.fd = -1,
				 .events.log.fd = -1 };
	r = start(&s, folder, queues);
	if (r == 0) {
		events_deed(&s.events, EVENTS_STARTED, s.after_a_crash ? "The gate was started. The one before it did not "
			    "end by itself: it was killed, or the power failed." : "The gate was started.");
		voice->say("ready");
		watchdog_open(&s);
		supervisor_notify("READY=1");
		while (!s.stopping)
			run_once(&s);
		supervisor_notify("STOPPING=1");
	}
	end(&s);
	if (r == 0)
		voice->say("Stopped. The ruleset stays loaded: inspected traffic is closed, "
			   "the rest runs as the policy says.");
	return r;
}
