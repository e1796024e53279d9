/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/frames.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void frames_init(struct frames *frames, const struct framing *framing, bool request)
{
	*frames = (struct frames){ .framing = framing, .request = request };
}

void frames_end(struct frames *frames)
{
	if (frames_waiting(frames) == 0)
		return;
	frames->broken++;
	frames->skipped += frames_waiting(frames);
	frames->length = 0;
	frames->taken = 0;
}

int frames_add(struct frames *frames, const uint8_t *bytes, size_t length, bool missing)
{
	size_t left;

	if (missing)
		frames_end(frames);
	left = frames_waiting(frames);
	if (left + length > frames->capacity) {
		uint8_t *grown = malloc(left + length);

		if (!grown)
			return -ENOMEM;
		if (left)
			memcpy(grown, frames->bytes + frames->taken, left);
		free(frames->bytes);
		frames->bytes = grown;
		frames->capacity = left + length;
	} else {
		memmove(frames->bytes, frames->bytes + frames->taken, left);
	}
	memcpy(frames->bytes + left, bytes, length);
	frames->taken = 0;
	frames->length = left + length;
	frames->hole = frames->hole || missing;
	return 0;
}

/* Whole, decodable messages from p to the very end. */
static bool fills_to_end(const struct frames *frames, const uint8_t *p, size_t len)
{
	while (len > 0) {
		size_t size = 0;

		if (frames->framing->frame(p, len, &size) != REASON_NONE || size == 0 ||
		    size > len || !frames->framing->plausible(p, size, frames->request, true))
			return false;
		p += size;
		len -= size;
	}
	return true;
}

/* How many bytes to pass over until a message begins; all of them when none does. */
static size_t find_start(const struct frames *frames, const uint8_t *p, size_t len)
{
	for (size_t at = 1; at + frames->framing->header <= len; at++)
		if (fills_to_end(frames, p + at, len - at))
			return at;
	return len;
}

/*
 * Does a message begin at p? Behind a hole any bytes may come first, so there it must also fill
 * what there is, or decode, or not be all there yet.
 */
static enum reason look(const struct frames *frames, const uint8_t *p, size_t len, size_t *ret_size)
{
	enum reason reason = frames->framing->frame(p, len, ret_size);

	if (reason != REASON_NONE || !frames->hole || *ret_size == 0 || *ret_size >= len ||
	    frames->framing->plausible(p, *ret_size, frames->request, false))
		return reason;
	return REASON_MALFORMED_FRAME;
}

bool frames_next(struct frames *frames, struct frames_item *ret)
{
	while (frames_waiting(frames) > 0) {
		const uint8_t *p = frames->bytes + frames->taken;
		size_t len = frames_waiting(frames);
		size_t size = 0;
		enum reason reason = look(frames, p, len, &size);

		if (reason == REASON_NONE && (size == 0 || size > len))
			return false;
		if (reason != REASON_NONE)
			size = find_start(frames, p, len);
		frames->taken += size;
		if (reason == REASON_NONE || !frames->hole) {
			frames->hole = false;
			*ret = (struct frames_item){ reason, p, size };
			return true;
		}
		frames->skipped += size;
	}
	return false;
}

void frames_free(struct frames *frames)
{
	free(frames->bytes);
	*frames = (struct frames){ 0 };
}
