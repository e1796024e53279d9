/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as EtherNet/IP messages and datagrams: what is accepted keeps the decoders' promises. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/cip_connection.h"
#include "protocol/enip.h"
#include "protocol/enip_ask.h"
#include "protocol/pccc.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void hold(bool promise)
{
	if (!promise)
		abort();
}

static void hold_inside(const uint8_t *p, size_t len, const uint8_t *bytes, size_t size)
{
	hold(len == 0 || (p >= bytes && p + len <= bytes + size));
}

/* Written out and read again a path is the same, and writing that gives the same bytes. */
static void check_path(const struct cip_path *path)
{
	uint8_t out[CIP_SEGMENTS_MAX * 260], again[sizeof(out)];
	size_t len = cip_path_write(path, out, sizeof(out));
	struct cip_path copy;

	hold(path->count <= CIP_SEGMENTS_MAX && (len || !path->count));
	hold(cip_path(out, len, &copy) == REASON_NONE && copy.count == path->count);
	for (unsigned i = 0; i < copy.count; i++) {
		const struct cip_segment *a = &path->segments[i], *b = &copy.segments[i];

		hold(a->kind == b->kind && a->number == b->number && a->length == b->length);
		hold(a->length == 0 || memcmp(a->bytes, b->bytes, a->length) == 0);
	}
	hold(cip_path_write(&copy, again, sizeof(again)) == len && memcmp(out, again, len) == 0);
	hold(cip_path_object(path) == cip_path_object(&copy));
}

static void check_details(const struct cip_request *r)
{
	struct cip_open open;
	struct cip_close close;
	struct pccc pccc;
	uint32_t attribute;

	for (unsigned i = 0; cip_request_attribute(r, i, &attribute); i++)
		hold(attribute <= UINT16_MAX);
	if (r->shape == CIP_SHAPE_FORWARD_OPEN || r->shape == CIP_SHAPE_LARGE_FORWARD_OPEN) {
		hold(cip_open(r, &open) == REASON_NONE);
		hold(open.multiplier >= 4 && open.multiplier <= 512 && open.transport_class <= 3);
		hold(open.o_t.type <= 2 && open.t_o.type <= 2 && open.route <= open.path.count);
	}
	if (r->shape == CIP_SHAPE_FORWARD_CLOSE)
		hold(cip_close(r, &close) == REASON_NONE && close.route <= close.path.count);
	if (r->shape == CIP_SHAPE_PCCC)
		hold(pccc_request(r, &pccc) == REASON_NONE);
}

static void check_request(const uint8_t *bytes, size_t size, struct enip_ask *ask)
{
	struct enip_message m;
	struct cip_walk w;
	enum reason reason;
	size_t framed, there;

	enip_request_start(bytes, size, &m, &there);
	if (enip_request(bytes, size, &m) != REASON_NONE)
		return;
	hold(enip_frame(bytes, size, &framed) == REASON_NONE && framed == size);
	hold(enip_request_begins(bytes, size));
	for (size_t n = 0; n < size; n += n < 64 ? 1 : 61)
		hold(enip_request_begins(bytes, n));
	hold_inside(m.cip, m.cip_length, bytes, size);
	enip_ask(&m, ask);
	if (!m.cip)
		return;
	for (reason = cip_walk_first(&w, m.cip, m.cip_length); reason == REASON_NONE && !w.end;
	     reason = cip_walk_next(&w)) {
		hold(w.request.service >= 1 && w.request.service <= CIP_SERVICE_LAST);
		hold(!w.multiple || w.part < w.part_count);
		hold_inside(w.request.data, w.request.length, m.cip, m.cip_length);
		check_path(&w.request.path);
		check_details(&w.request);
		if (w.unconnected_send)
			check_path(&w.route);
		enip_ask_add(ask, &w);
	}
}

static void check_error(const struct enip_ask *ask, const uint8_t *bytes, size_t size)
{
	uint8_t out[ENIP_ERROR_MAX];
	struct enip_message m;
	struct cip_reply r;
	uint32_t len;

	if (ask->multiple && enip_request(bytes, size, &m) != REASON_NONE)
		return;
	len = enip_error(ask, &m, CIP_STATUS_PRIVILEGE_VIOLATION, out);
	hold(len <= ENIP_ERROR_MAX && (len == 0) == (ask->part_count == 0));
	if (len == 0)
		return;
	hold(enip_reply(out, len, &m) == REASON_NONE && enip_pairs(ask, &m));
	hold(enip_answers(ask, &m, &r) == REASON_NONE && r.status != CIP_STATUS_SUCCESS);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct enip_ask ask = { 0 };
	struct enip_message reply;
	struct cip_reply r;
	struct enip_io io;
	size_t half = size > 26 ? 26 + bytes[0] % (size - 26) : size;

	check_request(bytes, size, &ask);
	check_error(&ask, bytes, size);
	ask = (struct enip_ask){ 0 };
	check_request(bytes, half, &ask);
	if (enip_reply(bytes + half, size - half, &reply) == REASON_NONE) {
		hold(enip_reply_begins(bytes + half, size - half));
		enip_pairs(&ask, &reply);
		enip_answers(&ask, &reply, &r);
	}
	if (enip_io(bytes, size, &io) == REASON_NONE)
		hold_inside(io.data, io.length, bytes, size);
	return 0;
}
