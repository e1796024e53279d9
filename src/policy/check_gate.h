/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* The gate's own addresses, routes and peers against zones and assets. Inside policy/ only. */
#include "policy/load.h"

void check_gate(const struct loader *l);
