/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* "allow" and "route" of protocol ethernet-ip, with findings. Inside policy/ only. */
#include "policy/load.h"

void load_cip(const struct loader *l, const struct value *allow, struct cip_entry_list *ret);
/* "pccc": "read" or "write" with "files", or a function of PCCC alone; into the entry. */
void load_cip_pccc(const struct loader *l, const struct value *at, const struct value *files, struct cip_entry *ret);

void read_routes(const struct loader *l, const struct value *list, struct cip_route_list *ret);
