/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* What an event tells of an EtherNet/IP message. */
#include "inspect/core.h"
#include "protocol/cip_request.h"
#include "protocol/enip.h"

/* The encapsulation's part. */
void enip_fields(const struct enip_message *m, struct core_event *ret);

/* A request's: service, and class, instance, attribute or (when `tag` is not NULL) the tag. */
void enip_fields_request(const struct cip_request *r, const struct cip_path *tag, struct core_event *ret);
