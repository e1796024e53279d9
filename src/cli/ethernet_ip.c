/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/ethernet_ip.h"

#include "cli/cip_path_text.h"
#include "protocol/cip_connection.h"
#include "protocol/cip_reply.h"
#include "protocol/cip_walk.h"
#include "protocol/enip.h"
#include "protocol/pccc.h"

#define MULTIPLE_NAME "multiple-service-packet"

/* Is every request, or every part of a reply, one that can be decoded? */
static enum reason check_cip(const struct enip_message *m, bool request)
{
	struct cip_walk w;
	struct cip_reply reply;
	struct cip_reply_parts parts;
	enum reason reason;

	if (!m->cip)
		return REASON_NONE;
	if (request) {
		reason = cip_walk_first(&w, m->cip, m->cip_length);
		while (reason == REASON_NONE && !w.end)
			reason = cip_walk_next(&w);
		return reason;
	}
	reason = cip_reply(m->cip, m->cip_length, &reply);
	if (reason != REASON_NONE || reply.service != CIP_MULTIPLE_SERVICE_PACKET || !reply.length)
		return reason;
	reason = cip_parts_first(&parts, &reply);
	while (reason == REASON_NONE && !parts.end)
		reason = cip_parts_next(&parts);
	return reason;
}

static enum reason decode(const struct message *message, struct enip_message *ret)
{
	enum reason reason = message->reason;

	if (reason != REASON_NONE)
		return reason;
	if (message->datagram)
		reason = enip_datagram(message->bytes, message->length, message->request, ret);
	else if (message->request)
		reason = enip_request(message->bytes, message->length, ret);
	else
		reason = enip_reply(message->bytes, message->length, ret);
	return reason == REASON_NONE ? check_cip(ret, message->request) : reason;
}

bool enip_plausible(const uint8_t *frame, size_t len, bool request, bool anywhere)
{
	struct enip_message m;

	if ((request ? enip_request(frame, len, &m) : enip_reply(frame, len, &m)) != REASON_NONE)
		return false;
	return !anywhere || m.cip;
}

/* ---- JSON --------------------------------------------------------------------------------------------- */

/* The last number of each kind, as members of their own: what filters ask for. */
static void write_numbers(struct writer *w, const struct cip_path *path)
{
	static const struct {
		uint8_t kind;
		const char *name;
	} numbers[] = {
		{ CIP_SEGMENT_CLASS, "class" },         { CIP_SEGMENT_INSTANCE, "instance" },
		{ CIP_SEGMENT_ATTRIBUTE, "attribute" }, { CIP_SEGMENT_MEMBER, "member" },
		{ CIP_SEGMENT_POINT, "connection_point" },
	};

	for (size_t n = 0; n < sizeof(numbers) / sizeof(numbers[0]); n++)
		for (unsigned i = path->count; i-- > 0;)
			if (path->segments[i].kind == numbers[n].kind) {
				writer_put_uint(w, numbers[n].name, path->segments[i].number);
				break;
			}
}

static void write_direction(struct writer *w, const char *name, const struct cip_direction *d)
{
	static const char *const types[] = { "null", "multicast", "point-to-point" };

	writer_name(w, name);
	writer_open_map(w);
	writer_put_uint(w, "connection_id", d->id);
	writer_put_uint(w, "rpi_us", d->rpi);
	writer_put_uint(w, "size", d->size);
	writer_put_bool(w, "variable", d->variable);
	writer_put_text(w, "type", types[d->type]);
	writer_put_uint(w, "priority", d->priority);
	writer_close_map(w);
}

static void write_triad(struct writer *w, const struct cip_triad *t)
{
	writer_put_uint(w, "connection_serial", t->serial);
	writer_put_uint(w, "vendor", t->vendor);
	writer_put_uint(w, "originator", t->originator);
}

static void write_open(struct writer *w, const struct cip_request *r)
{
	struct cip_open open;

	if (cip_open(r, &open) != REASON_NONE)
		return;
	writer_name(w, "connection");
	writer_open_map(w);
	write_triad(w, &open.triad);
	writer_put_uint(w, "transport_class", open.transport_class);
	writer_put_uint(w, "trigger", open.trigger);
	writer_put_uint(w, "timeout_multiplier", open.multiplier);
	write_direction(w, "o_t", &open.o_t);
	write_direction(w, "t_o", &open.t_o);
	writer_name(w, "path");
	path_write(w, &open.path);
	writer_close_map(w);
}

static void write_close(struct writer *w, const struct cip_request *r)
{
	struct cip_close close;

	if (cip_close(r, &close) != REASON_NONE)
		return;
	writer_name(w, "connection");
	writer_open_map(w);
	write_triad(w, &close.triad);
	writer_name(w, "path");
	path_write(w, &close.path);
	writer_close_map(w);
}

/* "N7:0", "T4:2.1"; where the request does not say the type: "7:0". */
static void pccc_address(const struct pccc *p, char *out, size_t size)
{
	const char *type = pccc_type_name(p->type);
	int n = snprintf(out, size, "%s%u:%u", type ? type : "", p->file, p->element);

	if (p->subelement && n > 0 && (size_t)n < size)
		snprintf(out + n, size - (size_t)n, ".%u", p->subelement);
}

static void write_pccc(struct writer *w, const struct cip_request *r)
{
	struct pccc p;
	char address[32];

	if (pccc_request(r, &p) != REASON_NONE)
		return;
	writer_name(w, "pccc");
	writer_open_map(w);
	writer_put_uint(w, "command", p.command);
	if (p.has_function)
		writer_put_uint(w, "function", p.function);
	writer_put_text(w, "name", p.known ? p.known->name : NULL);
	writer_put_uint(w, "transaction", p.transaction);
	if (p.has_address) {
		pccc_address(&p, address, sizeof(address));
		writer_put_text(w, "address", address);
		writer_put_uint(w, "file", p.file);
		writer_put_uint(w, "element", p.element);
		writer_put_uint(w, "subelement", p.subelement);
		if (p.elements)
			writer_put_uint(w, "elements", p.elements);
	}
	writer_close_map(w);
}

static void write_attributes(struct writer *w, const struct cip_request *r)
{
	uint32_t attribute;

	writer_name(w, "attributes");
	writer_open_list(w);
	for (unsigned i = 0; cip_request_attribute(r, i, &attribute); i++)
		writer_uint(w, attribute);
	writer_close_list(w);
}

static void write_tag_fields(struct writer *w, const struct cip_request *r, bool type, bool offset)
{
	if (type)
		writer_put_uint(w, "data_type", r->type);
	if (type && r->type == CIP_TYPE_STRUCT)
		writer_put_uint(w, "structure", r->handle);
	writer_put_uint(w, "elements", r->elements);
	if (offset)
		writer_put_uint(w, "offset", r->offset);
}

static void write_details(struct writer *w, const struct cip_request *r)
{
	switch ((enum cip_shape)r->shape) {
	case CIP_SHAPE_READ_TAG:
	case CIP_SHAPE_READ_TAG_FRAGMENT:
		write_tag_fields(w, r, false, r->shape == CIP_SHAPE_READ_TAG_FRAGMENT);
		break;
	case CIP_SHAPE_WRITE_TAG:
	case CIP_SHAPE_WRITE_TAG_FRAGMENT:
		write_tag_fields(w, r, true, r->shape == CIP_SHAPE_WRITE_TAG_FRAGMENT);
		break;
	case CIP_SHAPE_ATTRIBUTE_LIST:
	case CIP_SHAPE_SET_ATTRIBUTE_LIST:
	case CIP_SHAPE_LISTING:
		write_attributes(w, r);
		break;
	case CIP_SHAPE_FORWARD_OPEN:
	case CIP_SHAPE_LARGE_FORWARD_OPEN:
		write_open(w, r);
		break;
	case CIP_SHAPE_FORWARD_CLOSE:
		write_close(w, r);
		break;
	case CIP_SHAPE_PCCC:
		write_pccc(w, r);
		break;
	case CIP_SHAPE_OPAQUE:
	case CIP_SHAPE_NONE:
	case CIP_SHAPE_SET:
	case CIP_SHAPE_MULTIPLE:
	case CIP_SHAPE_UNCONNECTED_SEND:
	case CIP_SHAPE_MODIFY_TAG:
	case CIP_SHAPE_READ_TEMPLATE:
		break;
	}
}

static void write_within(struct writer *w, const char *outer, const char *inner)
{
	if (!outer && !inner)
		return;
	writer_name(w, "within");
	writer_open_list(w);
	if (outer)
		writer_text(w, outer);
	if (inner)
		writer_text(w, inner);
	writer_close_list(w);
}

static void write_request(struct writer *w, const struct cip_walk *walk)
{
	const struct cip_request *r = &walk->request;
	char text[TAG_TEXT];

	writer_open_map(w);
	writer_put_uint(w, "service", r->service);
	writer_put_text(w, "name", r->known ? r->known->name : NULL);
	writer_name(w, "path");
	path_write(w, &r->path);
	tag_text(&r->path, text);
	if (text[0])
		writer_put_text(w, "tag", text);
	write_numbers(w, &r->path);
	write_details(w, r);
	write_within(w, walk->unconnected_send ? "unconnected-send" : NULL,
		     walk->multiple ? MULTIPLE_NAME : NULL);
	if (walk->unconnected_send) {
		route_text(&walk->route, text);
		writer_put_text(w, "route", text);
	}
	writer_close_map(w);
}

/* The reply, or those in a Multiple Service Packet's: part counts from 1, 0 = by itself. */
static void each_reply(const struct enip_message *m, void *out,
		       void (*each)(void *out, const struct cip_reply *reply, unsigned part))
{
	struct cip_reply reply;
	struct cip_reply_parts parts;
	enum reason reason = cip_reply(m->cip, m->cip_length, &reply);

	if (reason != REASON_NONE)
		return;
	if (reply.service != CIP_MULTIPLE_SERVICE_PACKET || !reply.length) {
		each(out, &reply, 0);
		return;
	}
	for (reason = cip_parts_first(&parts, &reply); reason == REASON_NONE && !parts.end;
	     reason = cip_parts_next(&parts))
		each(out, &parts.reply, parts.part + 1u);
}

static void write_reply(void *out, const struct cip_reply *r, unsigned part)
{
	struct writer *w = out;

	writer_open_map(w);
	writer_put_uint(w, "service", r->service);
	writer_put_uint(w, "status", r->status);
	if (r->extended_count)
		writer_put_uint(w, "extended_status", r->extended);
	write_within(w, part ? MULTIPLE_NAME : NULL, NULL);
	writer_close_map(w);
}

static void write_cip(struct writer *w, const struct enip_message *m, bool request)
{
	struct cip_walk walk;
	enum reason reason;

	writer_name(w, "cip");
	writer_open_list(w);
	if (!request)
		each_reply(m, w, write_reply);
	else
		for (reason = cip_walk_first(&walk, m->cip, m->cip_length);
		     reason == REASON_NONE && !walk.end; reason = cip_walk_next(&walk))
			write_request(w, &walk);
	writer_close_list(w);
}

static void write_message(struct writer *w, const struct enip_message *m, bool request)
{
	writer_put_uint(w, "command", m->command);
	writer_put_text(w, "command_name", enip_command(m->command)->name);
	writer_put_uint(w, "session", m->session);
	if (m->status)
		writer_put_uint(w, "encapsulation_status", m->status);
	if (!m->cip)
		return;
	writer_put_bool(w, "connected", m->connected);
	if (m->connected) {
		writer_put_uint(w, "connection_id", m->connection);
		writer_put_uint(w, "sequence", m->sequence);
	}
	write_cip(w, m, request);
}

static void write_malformed(struct writer *w, enum reason reason, const struct message *message)
{
	writer_put_text(w, "malformed", reason_code(reason));
	writer_put_uint(w, "length", message->length);
}

enum reason enip_write(struct writer *w, const struct message *message)
{
	struct enip_message m;
	enum reason reason = decode(message, &m);

	if (reason == REASON_NONE)
		write_message(w, &m, message->request);
	else
		write_malformed(w, reason, message);
	return reason;
}

enum reason enip_io_write(struct writer *w, const struct message *message)
{
	struct enip_io io;
	enum reason reason = enip_io(message->bytes, message->length, &io);

	if (reason != REASON_NONE) {
		write_malformed(w, reason, message);
		return reason;
	}
	writer_put_uint(w, "connection_id", io.connection);
	writer_put_uint(w, "sequence", io.encap_sequence);
	writer_put_uint(w, "length", io.length);
	return REASON_NONE;
}

/* ---- for people --------------------------------------------------------------------------------------- */

static void print_pccc(FILE *out, const struct cip_request *r)
{
	struct pccc p;
	char address[32];

	if (r->shape != CIP_SHAPE_PCCC || pccc_request(r, &p) != REASON_NONE)
		return;
	fprintf(out, " %s", p.known ? p.known->name : "command");
	if (!p.known)
		fprintf(out, " %02x/%02x", p.command, p.function);
	if (p.has_address) {
		pccc_address(&p, address, sizeof(address));
		fprintf(out, " %s", address);
	}
}

static void print_request(FILE *out, const struct cip_walk *walk)
{
	const struct cip_request *r = &walk->request;

	if (walk->part)
		fputs(";", out);
	if (r->known)
		fprintf(out, " %s ", r->known->name);
	else
		fprintf(out, " service %u ", r->service);
	path_print(out, &r->path);
	print_pccc(out, r);
}

static void print_requests(FILE *out, const struct enip_message *m)
{
	struct cip_walk w;
	enum reason reason = cip_walk_first(&w, m->cip, m->cip_length);
	char route[TAG_TEXT];

	for (; reason == REASON_NONE && !w.end; reason = cip_walk_next(&w))
		print_request(out, &w);
	if (w.unconnected_send) {
		route_text(&w.route, route);
		fprintf(out, " (by way of %s)", route[0] ? route : "nothing");
	}
}

static void print_reply(void *to, const struct cip_reply *r, unsigned part)
{
	FILE *out = to;

	fprintf(out, "%s reply to service %u", part > 1 ? ";" : "", r->service);
	if (r->status)
		fprintf(out, ", status 0x%02x", r->status);
	if (r->extended_count)
		fprintf(out, " 0x%04x", r->extended);
}

enum reason enip_print(FILE *out, const struct message *message)
{
	struct enip_message m;
	enum reason reason = decode(message, &m);

	if (reason != REASON_NONE) {
		fprintf(out, "malformed: %s, %zu bytes", reason_code(reason), message->length);
		return reason;
	}
	fputs(enip_command(m.command)->name, out);
	if (!message->request && !m.cip)
		fputs(" reply", out);
	if (m.status)
		fprintf(out, ", encapsulation status 0x%x", m.status);
	if (m.connected && m.cip)
		fprintf(out, " connection %08x sequence %u", m.connection, m.sequence);
	if (m.cip && message->request)
		print_requests(out, &m);
	else if (m.cip)
		each_reply(&m, out, print_reply);
	return REASON_NONE;
}

enum reason enip_io_print(FILE *out, const struct message *message)
{
	struct enip_io io;
	enum reason reason = enip_io(message->bytes, message->length, &io);

	if (reason != REASON_NONE)
		fprintf(out, "malformed: %s, %zu bytes", reason_code(reason), message->length);
	else
		fprintf(out, "io connection %08x sequence %u, %u bytes", io.connection,
			io.encap_sequence, io.length);
	return reason;
}
