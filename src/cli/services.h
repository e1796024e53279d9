/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* The part of `gatehouse services` about CIP: classes, services and attributes by name and number. */
#include "json/writer.h"

void services_print_cip(void);

/* Members of the map that is open. */
void services_write_cip(struct writer *w);
