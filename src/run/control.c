/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/control.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "json/text.h"

static int socket_address(const char *runtime, struct sockaddr_un *ret)
{
	int n;

	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	n = snprintf(ret->sun_path, sizeof(ret->sun_path), "%s/%s", runtime, CONTROL_SOCKET);
	return n < 0 || (size_t)n >= sizeof(ret->sun_path) ? -ENAMETOOLONG : 0;
}

static int send_all(int fd, const char *bytes, size_t length)
{
	while (length) {
		ssize_t n = send(fd, bytes, length, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes += n;
		length -= (size_t)n;
	}
	return 0;
}

/* Everything up to the end, with a NUL behind it; owned by the caller. */
static int receive_all(int fd, size_t most, char **ret, size_t *ret_length)
{
	size_t size = 0, used = 0;
	char *text = NULL;

	for (;;) {
		ssize_t n;

		if (used + 1 >= size) {
			char *more = realloc(text, size = size ? size * 2 : 8192);

			if (!more)
				break;
			text = more;
		}
		n = recv(fd, text + used, size - used - 1, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0) {
			text[used] = '\0';
			*ret = text;
			*ret_length = used;
			return 0;
		}
		if (n < 0 || (used += (size_t)n) > most)
			break;
	}
	free(text);
	return -EBADMSG;
}

/* One JSON object, moved into the arena. */
static int receive_value(int fd, size_t most, struct arena *arena, const struct value **ret)
{
	struct value_source *source = arena_alloc(arena, sizeof(*source));
	struct diag_list diags;
	char *text;
	int r = receive_all(fd, most, &text, &source->len);

	if (r < 0)
		return r;
	source->file = "control socket";
	source->text = arena_strndup(arena, text, source->len);
	free(text);
	diag_init(&diags, arena);
	*ret = value_parse(source, arena, &diags);
	return *ret && (*ret)->type == VALUE_MAP ? 0 : -EBADMSG;
}

/* ---- client ---- */

static int control_connect(const char *runtime)
{
	struct sockaddr_un address;
	int r = socket_address(runtime, &address), fd;

	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

int control_call(const char *runtime, const char *request, struct arena *arena,
		 const struct value **ret)
{
	int fd = control_connect(runtime);
	int r;

	if (fd < 0)
		return fd;
	r = send_all(fd, request, strlen(request));
	if (r == 0 && shutdown(fd, SHUT_WR) < 0)
		r = -errno;
	if (r == 0)
		r = receive_value(fd, CONTROL_ANSWER_MAX, arena, ret);
	close(fd);
	return r;
}

static unsigned member_count(const struct value *map, const char *name)
{
	const struct value *v = value_member(map, name);

	return v && v->type == VALUE_INT && v->integer > 0 && v->integer < INT_MAX ?
		(unsigned)v->integer : 0;
}

static void add_finding(const struct value *map, struct diag_list *diags)
{
	struct diag_place place = {
		.file = value_member_text(map, "file"),
		.line = member_count(map, "line"),
		.column = member_count(map, "column"),
		.width = member_count(map, "width"),
		.pointer = value_member_text(map, "pointer"),
		.text = value_member_text(map, "source"),
	};
	const char *severity = value_member_text(map, "severity");
	const char *code = value_member_text(map, "code");
	const char *message = value_member_text(map, "message");

	diag_add(diags, severity && strcmp(severity, "warning") == 0 ? DIAG_WARNING : DIAG_ERROR,
		 code ? code : "unknown", &place, value_member_text(map, "help"), "%s",
		 message ? message : "");
}

static const char *cannot_ask(const char *runtime, struct arena *arena)
{
	return arena_printf(arena, "the supervisor cannot be asked through %s/" CONTROL_SOCKET, runtime);
}

/* Is somebody there to take what is handed over? */
static int knock(const char *runtime)
{
	int fd = control_connect(runtime);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static int ask(const char *runtime, const char *request, struct arena *arena, struct diag_list *diags, bool *ret_ok,
	       const char **ret_text)
{
	const struct value *answer, *ok, *findings;
	int r = control_call(runtime, request, arena, &answer);

	*ret_text = cannot_ask(runtime, arena);
	if (r < 0)
		return r;
	ok = value_member(answer, "ok");
	*ret_ok = ok && ok->type == VALUE_BOOL && ok->boolean;
	*ret_text = value_member_text(answer, "text");
	findings = value_member(answer, "findings");
	for (size_t i = 0; findings && findings->type == VALUE_LIST && i < findings->count; i++)
		add_finding(&findings->items[i], diags);
	return 0;
}

static const char *nothing_given(const char *path, struct arena *arena)
{
	return arena_printf(arena, "the supervisor was given nothing: cannot write %s", path);
}

int control_apply(const char *runtime, const char *state, const struct documents *documents,
		  struct arena *arena, struct diag_list *diags, bool *ret_applied,
		  const char **ret_text)
{
	const char *path = arena_printf(arena, "%s/%s", state, CONTROL_PROPOSED);
	int r = knock(runtime);

	*ret_text = cannot_ask(runtime, arena);
	if (r < 0)
		return r;
	r = documents_store(documents, path);
	*ret_text = nothing_given(path, arena);
	return r < 0 ? r : ask(runtime, "{\"command\":\"apply\"}", arena, diags, ret_applied, ret_text);
}

/* A request of somebody at the box. */
static const char *request_of(const char *command, const char *user, int64_t seconds, const char *more,
			      struct arena *arena)
{
	struct json_text text;
	struct writer *w = json_text_begin(&text, false);
	const char *request;

	if (!w)
		return "{}";
	writer_open_map(w);
	writer_put_text(w, "command", command);
	writer_put_text(w, "user", user);
	writer_put_int(w, "seconds", seconds);
	if (more)
		writer_put_text(w, "text", more);
	writer_close_map(w);
	request = json_text_keep(&text, arena);
	return request ? request : "{}";
}

int control_propose(const char *runtime, const char *state, const char *command, const char *bytes, size_t len,
		    int64_t seconds, const char *user, struct arena *arena, struct diag_list *diags, bool *ret_applied,
		    const char **ret_text)
{
	const char *path = arena_printf(arena, "%s/%s", state, strcmp(command, "grant") ? CONTROL_BUNDLE : CONTROL_GRANT);
	int r = knock(runtime);

	*ret_text = cannot_ask(runtime, arena);
	if (r < 0)
		return r;
	r = file_replace(path, bytes, len, 0600);
	*ret_text = nothing_given(path, arena);
	return r < 0 ? r : ask(runtime, request_of(command, user, seconds, NULL, arena), arena, diags,
			       ret_applied, ret_text);
}

int control_decide(const char *runtime, const char *what, const char *user, const char *text, struct arena *arena,
		   bool *ret_done, const char **ret_text)
{
	struct diag_list diags;

	diag_init(&diags, arena);
	return ask(runtime, request_of(what, user, 0, text, arena), arena, &diags, ret_done, ret_text);
}

/* ---- server ---- */

int control_listen(const char *runtime)
{
	struct sockaddr_un address;
	int r = socket_address(runtime, &address), fd;
	mode_t mask;

	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	unlink(address.sun_path);
	mask = umask(0177);
	r = bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 16) < 0 ? -errno : 0;
	umask(mask);
	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}

void control_forget(const char *runtime)
{
	struct sockaddr_un address;

	if (socket_address(runtime, &address) == 0)
		unlink(address.sun_path);
}

int control_accept(int listener, struct arena *arena, const struct value **ret)
{
	const struct timeval receive = { .tv_sec = 1 }, answer = { .tv_sec = 2 };
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &receive, sizeof(receive));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &answer, sizeof(answer));
	r = receive_value(fd, CONTROL_REQUEST_MAX, arena, ret);
	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}

void control_answer(int client, const char *text, size_t length)
{
	if (send_all(client, text, length) == 0)
		shutdown(client, SHUT_WR);
	close(client);
}
