/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* What an event tells of an EtherNet/IP message. */
#include "inspect/core.h"
#include "protocol/cip_request.h"
#include "protocol/enip.h"

/* The encapsulation's part. */
void enip_fields(const struct enip_message *m, struct core_event *ret);

/* The way that a request takes through the device: of its connection, then of its own. */
void enip_fields_route(const struct cip_path *const routes[2], struct core_event *ret);

/*
 * A request's: service, and class, instance, attributes, the place in a data file or (when `tag` is not NULL) the tag
 * and its elements.
 */
void enip_fields_request(const struct cip_request *r, const struct cip_path *tag, struct core_event *ret);
