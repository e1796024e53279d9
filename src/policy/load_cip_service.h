/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * A CIP service on an object: "service" with "class" and "instance", or with "path" where controllers keep the
 * object inside others. The service's meaning is that of the innermost class. Inside policy/ only.
 */
#include "policy/load.h"

struct service_members {
	const struct value *service, *class, *instance, *path, *attributes;
};

/* Into an entry of kind CIP_SERVICE; `service` of what is not understood stays 0, with a finding. */
void load_cip_service(const struct loader *l, const struct service_members *m, struct cip_entry *ret);
