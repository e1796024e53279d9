/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * CIP paths (padded EPATH, CIP volume 1, appendix C) in one canonical form, so that what means the same
 * compares equal: 8, 16 and 32-bit forms are one number, both encodings of a port or a link are one port
 * and link, and a symbol "A.B" is the two symbols "A", "B", as controllers resolve it. Names keep their
 * case; controllers compare them without (cip_name_equals). Unknown segments, reserved bits, pads that
 * are not 0 and empty names are refused. Nothing is copied: bytes point into the message. Freestanding.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/reason.h"

#define CIP_SEGMENTS_MAX 24u
#define CIP_NO_OBJECT UINT32_MAX

enum cip_segment_kind {
	CIP_SEGMENT_CLASS = 1,
	CIP_SEGMENT_INSTANCE,
	CIP_SEGMENT_MEMBER,     /* array index: three in a row for three dimensions */
	CIP_SEGMENT_POINT,      /* connection point */
	CIP_SEGMENT_ATTRIBUTE,
	CIP_SEGMENT_SYMBOL,     /* bytes: one name without dots */
	CIP_SEGMENT_KEY,        /* electronic key; bytes: vendor, type, product (16 bit each), major, minor */
	CIP_SEGMENT_PORT,       /* number: port 1-65535; bytes: link address, 1 byte (a slot) or more (text) */
	CIP_SEGMENT_NETWORK,    /* number: sub-type; bytes: its value */
	CIP_SEGMENT_DATA        /* bytes: simple data (configuration in a Forward Open) */
};

struct cip_segment {
	uint8_t kind;           /* enum cip_segment_kind */
	uint16_t length;        /* of `bytes` */
	uint32_t number;        /* class .. attribute, port, network */
	const uint8_t *bytes;
};

/* segments[] beyond count is never written. */
struct cip_path {
	uint16_t count;
	struct cip_segment segments[CIP_SEGMENTS_MAX];
};

/* Exactly one path of `len` bytes (even). More than CIP_SEGMENTS_MAX segments: REASON_NESTING_TOO_DEEP. */
enum reason cip_path(const uint8_t *p, size_t len, struct cip_path *ret);

/*
 * The class that a service number is read against: that of the last class segment; CIP_CLASS_SYMBOL for
 * a tag (symbols, whether alone or behind class 6B); CIP_NO_OBJECT when the path names none, or a symbol
 * or segment stands where none belongs (a key, port, network or data segment is for connection paths).
 */
uint32_t cip_path_object(const struct cip_path *path);

/* Is the path exactly this class and instance? */
bool cip_path_is(const struct cip_path *path, uint32_t class, uint32_t instance);

/* Does it begin with a symbol, so that it names a tag? */
static inline bool cip_path_names_tag(const struct cip_path *path)
{
	return path->count && path->segments[0].kind == CIP_SEGMENT_SYMBOL;
}

/* Is the symbol this name (given in lower case), letters of both cases being the same? */
bool cip_name_equals(const struct cip_segment *symbol, const char *lower, size_t len);

/* Writes the canonical padded EPATH (shortest forms); its size, or 0 when `cap` is too small. */
size_t cip_path_write(const struct cip_path *path, uint8_t *out, size_t cap);
