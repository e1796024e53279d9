/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* What a matcher answers about one request. */
#include <stdint.h>

#include "protocol/reason.h"

struct match {
	enum reason reason; /* REASON_NONE: allowed */
	uint32_t rule;      /* that allows it, or that came nearest; CORE_NO_RULE when none knows the service */
};
