/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cip_path_text.h"

#include <stdarg.h>
#include <string.h>

#include "protocol/cip.h"

struct text {
	char *p;
	size_t left; /* the zero at the end included */
};

__attribute__((format(printf, 2, 3))) static void add(struct text *t, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(t->p, t->left, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= t->left)
		n = (int)t->left - 1;
	t->p += n;
	t->left -= (size_t)n;
}

static void add_bytes(struct text *t, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (bytes[i] >= 0x20 && bytes[i] < 0x7f)
			add(t, "%c", bytes[i]);
		else
			add(t, "\\x%02x", bytes[i]);
}

static void add_hex(struct text *t, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		add(t, "%02x", bytes[i]);
}

static void add_link(struct text *t, const struct cip_segment *s)
{
	if (s->length == 1)
		add(t, "%u", s->bytes[0]);
	else
		add_bytes(t, s->bytes, s->length);
}

void tag_text(const struct cip_path *path, char out[static TAG_TEXT])
{
	struct text t = { out, TAG_TEXT };
	bool index = false;

	out[0] = '\0';
	if (!cip_path_names_tag(path))
		return;
	for (unsigned i = 0; i < path->count; i++) {
		const struct cip_segment *s = &path->segments[i];
		bool member = s->kind == CIP_SEGMENT_MEMBER;

		if (!member && s->kind != CIP_SEGMENT_SYMBOL) {
			out[0] = '\0';
			return;
		}
		if (index && !member)
			add(&t, "]");
		if (member)
			add(&t, "%s%u", index ? "," : "[", s->number);
		else
			add(&t, "%s", i ? "." : "");
		if (!member)
			add_bytes(&t, s->bytes, s->length);
		index = member;
	}
	if (index)
		add(&t, "]");
}

void route_text(const struct cip_path *path, char out[static TAG_TEXT])
{
	struct text t = { out, TAG_TEXT };

	out[0] = '\0';
	for (unsigned i = 0; i < path->count; i++) {
		const struct cip_segment *s = &path->segments[i];

		if (s->kind != CIP_SEGMENT_PORT)
			continue;
		add(&t, "%s%u/", t.p == out ? "" : ", ", s->number);
		add_link(&t, s);
	}
}

static const char *const number_names[] = {
	[CIP_SEGMENT_CLASS] = "class",
	[CIP_SEGMENT_INSTANCE] = "instance",
	[CIP_SEGMENT_MEMBER] = "member",
	[CIP_SEGMENT_POINT] = "connection_point",
	[CIP_SEGMENT_ATTRIBUTE] = "attribute",
};

static void segment_write(struct writer *w, const struct cip_segment *s)
{
	char buffer[3 * UINT8_MAX + 1] = "";
	struct text t = { buffer, sizeof(buffer) };

	switch ((enum cip_segment_kind)s->kind) {
	case CIP_SEGMENT_CLASS:
	case CIP_SEGMENT_INSTANCE:
	case CIP_SEGMENT_MEMBER:
	case CIP_SEGMENT_POINT:
	case CIP_SEGMENT_ATTRIBUTE:
		writer_put_uint(w, number_names[s->kind], s->number);
		return;
	case CIP_SEGMENT_SYMBOL:
		add_bytes(&t, s->bytes, s->length);
		writer_put_text(w, "symbol", buffer);
		return;
	case CIP_SEGMENT_PORT:
		add_link(&t, s);
		writer_put_uint(w, "port", s->number);
		writer_put_text(w, "link", buffer);
		return;
	case CIP_SEGMENT_KEY:
		add_hex(&t, s->bytes, s->length);
		writer_put_text(w, "key", buffer);
		return;
	case CIP_SEGMENT_NETWORK:
		add_hex(&t, s->bytes, s->length);
		writer_put_uint(w, "network", s->number);
		writer_put_text(w, "value", buffer);
		return;
	case CIP_SEGMENT_DATA:
		add_hex(&t, s->bytes, s->length);
		writer_put_text(w, "data", buffer);
		return;
	}
}

void path_write(struct writer *w, const struct cip_path *path)
{
	writer_open_list(w);
	for (unsigned i = 0; i < path->count; i++) {
		writer_open_map(w);
		segment_write(w, &path->segments[i]);
		writer_close_map(w);
	}
	writer_close_list(w);
}

static void segment_print(FILE *out, const struct cip_segment *s)
{
	char buffer[3 * UINT8_MAX + 1] = "";
	struct text t = { buffer, sizeof(buffer) };
	const struct cip_class *class = s->kind == CIP_SEGMENT_CLASS ? cip_class(s->number) : NULL;

	if (s->kind <= CIP_SEGMENT_ATTRIBUTE) {
		fprintf(out, "%s %u", s->kind == CIP_SEGMENT_POINT ? "connection point" :
			number_names[s->kind], s->number);
		if (class)
			fprintf(out, " (%s)", class->name);
		return;
	}
	if (s->kind == CIP_SEGMENT_SYMBOL)
		add_bytes(&t, s->bytes, s->length);
	else if (s->kind == CIP_SEGMENT_PORT)
		add_link(&t, s);
	else
		add_hex(&t, s->bytes, s->length);
	if (s->kind == CIP_SEGMENT_PORT)
		fprintf(out, "port %u/%s", s->number, buffer);
	else
		fprintf(out, "%s%s", s->kind == CIP_SEGMENT_KEY ? "key " :
			s->kind == CIP_SEGMENT_NETWORK ? "network " :
			s->kind == CIP_SEGMENT_DATA ? "data " : "", buffer);
}

void path_print(FILE *out, const struct cip_path *path)
{
	char tag[TAG_TEXT];

	tag_text(path, tag);
	if (tag[0]) {
		fputs(tag, out);
		return;
	}
	for (unsigned i = 0; i < path->count; i++) {
		fputs(i ? ", " : "", out);
		segment_print(out, &path->segments[i]);
	}
}
