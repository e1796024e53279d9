/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * One Message Router request (CIP volume 1, 2-4): service, path and data. What the service number means
 * depends on the object that the path names; the data's layout (enum cip_shape) comes from that row of
 * cip.c and is checked exactly, a service without a row has opaque data. The result points into the
 * message. Freestanding.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/cip.h"
#include "protocol/cip_path.h"
#include "protocol/reason.h"

#define CIP_REPLY_BIT 0x80u
#define CIP_TYPE_STRUCT 0x02a0u /* followed by the structure's handle */

struct cip_request {
	uint8_t service;                 /* 1-127 */
	uint8_t shape;                   /* enum cip_shape of the data */
	uint32_t object;                 /* see cip_path_object() */
	const struct cip_service *known; /* its row, or NULL: the data is opaque */
	struct cip_path path;
	const uint8_t *bytes;            /* all of it, from the service on */
	const uint8_t *data;             /* everything behind the path */
	uint16_t length;
	/* Of the shape, the others are not set: */
	uint16_t type;                   /* write-tag: data type */
	uint16_t handle;                 /* of CIP_TYPE_STRUCT */
	uint16_t elements;               /* tags: how many array elements (1 for a scalar) */
	uint32_t offset;                 /* fragmented: byte offset; template: offset of the read */
	uint16_t attribute_count;        /* lists: attributes named */
	const uint8_t *values;           /* written values (tags, attributes, masks), or attribute numbers */
	uint16_t values_length;
};

/* Decodes exactly one request; what a carrier carries is checked by the walk (cip_walk.h). */
enum reason cip_request(const uint8_t *p, size_t len, struct cip_request *ret);

/*
 * Service, path and what follows from them, of a request of which `len` bytes have arrived: false when
 * the path is not wholly there, or wrong. Its data is not looked at: the result has none.
 */
bool cip_request_start(const uint8_t *p, size_t len, struct cip_request *ret);

/*
 * Number `i` of the attributes that a request names: its path's, or those of its list. False when it
 * names fewer, or (set-attribute-list of several) when where the next one stands cannot be known.
 */
bool cip_request_attribute(const struct cip_request *r, unsigned i, uint32_t *ret);

/* The size of one element of an elementary data type, 0 for one that is not known. */
unsigned cip_type_size(uint16_t type);
