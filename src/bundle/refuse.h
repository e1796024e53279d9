/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Why a signed file is not taken: a finding at the file as a whole. Inside bundle/ only. */
#include <stdbool.h>

#include "base/diag.h"

/* Returns false, so that it can stand where a check fails. */
__attribute__((format(printf, 5, 6)))
bool refuse(struct diag_list *diags, const char *file, const char *code, const char *help,
	    const char *format, ...);
