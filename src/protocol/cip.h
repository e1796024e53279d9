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

/* A carrier holds other requests, which are judged one by one; no rule names it. */
enum cip_access { CIP_READ = 1, CIP_WRITE, CIP_CONTROL, CIP_CARRIER };

#define CIP_COMMON 0u /* no object has this class number */
#define CIP_NUMBER_LAST 65535u /* of classes and attributes */
#define CIP_CLASS_IDENTITY 0x01u
#define CIP_CLASS_MESSAGE_ROUTER 0x02u
#define CIP_CLASS_CONNECTION_MANAGER 0x06u
#define CIP_CLASS_PCCC 0x67u
#define CIP_CLASS_SYMBOL 0x6bu
#define CIP_CLASS_TEMPLATE 0x6cu
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
