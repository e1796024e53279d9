/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What CIP services, classes and attributes are called and what they do: number, name, access. The
 * meaning of a service number depends on the object, so rows are keyed by class and number; class
 * CIP_COMMON holds the services that mean the same on every object that has them. These tables are the
 * only place that knows the names; rule documents, schemas and decoders read them. Data and look-ups
 * only, nothing here reads messages. Freestanding.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The layout of a service's data, requests and replies: see cip_walk.h and enip_ask.h. */
enum cip_shape {
	CIP_SHAPE_OPAQUE = 0,          /* any data -> any data */
	CIP_SHAPE_NONE,                /* none -> any data */
	CIP_SHAPE_ATTRIBUTE_LIST,      /* count, attribute numbers -> count, values */
	CIP_SHAPE_SET_ATTRIBUTE_LIST,  /* count, then number and value each -> count, number and status each */
	CIP_SHAPE_SET,                 /* a value, at least one byte -> any data */
	CIP_SHAPE_MULTIPLE,            /* count, offsets, requests -> count, offsets, replies */
	CIP_SHAPE_UNCONNECTED_SEND,    /* time-out, request, route -> the request's own reply */
	CIP_SHAPE_FORWARD_OPEN,        /* cip_connection.h */
	CIP_SHAPE_LARGE_FORWARD_OPEN,
	CIP_SHAPE_FORWARD_CLOSE,
	CIP_SHAPE_PCCC,                /* pccc.h */
	CIP_SHAPE_READ_TAG,            /* elements -> type, values */
	CIP_SHAPE_READ_TAG_FRAGMENT,   /* elements, byte offset -> type, values */
	CIP_SHAPE_WRITE_TAG,           /* type, elements, values -> none */
	CIP_SHAPE_WRITE_TAG_FRAGMENT,  /* type, elements, byte offset, values -> none */
	CIP_SHAPE_MODIFY_TAG,          /* mask size, OR mask, AND mask -> none */
	CIP_SHAPE_LISTING,             /* count, attribute numbers -> instances with these attributes */
	CIP_SHAPE_READ_TEMPLATE        /* byte offset, bytes -> bytes */
};

/* A carrier holds other requests, which are judged one by one; no rule names it. */
enum cip_access { CIP_READ = 1, CIP_WRITE, CIP_CONTROL, CIP_CARRIER };

#define CIP_COMMON 0u /* no object has this class number */
#define CIP_NUMBER_LAST 65535u /* of classes and attributes */
#define CIP_CLASS_IDENTITY 0x01u
#define CIP_CLASS_MESSAGE_ROUTER 0x02u
#define CIP_CLASS_ASSEMBLY 0x04u
#define CIP_CLASS_CONNECTION_MANAGER 0x06u
#define CIP_CLASS_PCCC 0x67u
#define CIP_CLASS_SYMBOL 0x6bu
#define CIP_CLASS_TEMPLATE 0x6cu
#define CIP_CLASS_TAG_LIST 0x72u
#define CIP_CLASS_TAG_REGISTRATION 0xb2u
#define CIP_MULTIPLE_SERVICE_PACKET 0x0au /* services of carriers: on the Message Router .. */
#define CIP_UNCONNECTED_SEND 0x52u        /* .. and on the Connection Manager */
#define CIP_SERVICE_LAST 127u /* the high bit marks replies */

struct cip_class {
	uint16_t number;
	uint8_t set_access; /* enum cip_access: what setting its attributes is */
	const char *name;
};

struct cip_service {
	uint16_t class;  /* CIP_COMMON or a class number */
	uint8_t code;    /* 1-127 */
	uint8_t access;  /* enum cip_access */
	bool attributes; /* its path or data names attributes */
	bool sets;       /* it sets attributes: access is that of the class, if that is more */
	uint8_t shape;   /* enum cip_shape */
	const char *name;
};

struct cip_attribute {
	uint16_t class;
	uint16_t number;
	uint8_t access; /* enum cip_access: CIP_READ = cannot be set */
	const char *name;
};

/* Ascending by number; by class, code; by class, number. */
extern const struct cip_class cip_classes[];
extern const size_t cip_class_count;
extern const struct cip_service cip_services[];
extern const size_t cip_service_count;
extern const struct cip_attribute cip_attributes[];
extern const size_t cip_attribute_count;

/* The row, or NULL for a number that has no name here. */
const struct cip_class *cip_class(uint32_t number);

/* What the number means on that class: a row of its own, or the common one; NULL when unknown. */
const struct cip_service *cip_service(uint32_t class, uint8_t code);

const struct cip_attribute *cip_attribute(uint32_t class, uint32_t number);

/* Whether a request of that layout (enum cip_shape) names its attributes in its data. */
bool cip_lists_attributes(uint8_t shape);

/* Does setting one of the attributes first .. last of that class do more than to change data? */
bool cip_setting_controls(uint32_t class, uint32_t first, uint32_t last);
