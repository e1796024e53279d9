/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Cuts the bytes of one direction of a stream into messages, for analysis. After a hole in the
 * capture, and after bytes that are no message, it looks for the next plausible start: the start of
 * a run, else a place from which whole, decodable messages fill the run to its end. Every byte ends
 * in exactly one message, one malformed item, or the count of bytes skipped because of a hole.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/reason.h"

/* How a protocol is cut; see modbus_frame(). */
struct framing {
	enum reason (*frame)(const uint8_t *p, size_t len, size_t *ret_size);
	/*
	 * For resynchronising only: decodes as a message of this direction. `anywhere`: it does not
	 * stand at the start of a run, so more is asked of it.
	 */
	bool (*plausible)(const uint8_t *frame, size_t len, bool request, bool anywhere);
	size_t header; /* bytes that frame() needs for its answer */
	size_t max;    /* of a message */
};

struct frames {
	const struct framing *framing;
	bool request;       /* direction */
	bool hole;          /* bytes are missing before those that wait */
	uint8_t *bytes;
	size_t length;
	size_t capacity;
	size_t taken;       /* bytes at the front that belong to items already returned */
	uint64_t skipped;   /* bytes lost to holes */
	uint64_t broken;    /* messages of which a part is missing */
};

struct frames_item {
	enum reason reason;   /* REASON_NONE: a whole message (which may still not decode) */
	const uint8_t *bytes; /* valid until the next frames_add() */
	size_t length;
};

void frames_init(struct frames *frames, const struct framing *framing, bool request);

/*
 * Adds a run. `missing`: the capture lacks bytes before it. 0, or -ENOMEM. The items of the run
 * before must all have been taken.
 */
__attribute__((warn_unused_result))
int frames_add(struct frames *frames, const uint8_t *bytes, size_t length, bool missing);

/* The next item; false: the rest has to wait for more bytes. */
bool frames_next(struct frames *frames, struct frames_item *ret);

/* Bytes that wait for the rest of their message. */
static inline size_t frames_waiting(const struct frames *frames)
{
	return frames->length - frames->taken;
}

/* The stream is over: an unfinished message is counted as broken. */
void frames_end(struct frames *frames);

void frames_free(struct frames *frames);
