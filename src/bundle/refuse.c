/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bundle/refuse.h"

#include <stdarg.h>

bool refuse(struct diag_list *diags, const char *file, const char *code, const char *help,
	    const char *format, ...)
{
	const struct diag_place place = { .file = file };
	char message[512];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	diag_add(diags, DIAG_ERROR, code, &place, help, "%s", message);
	return false;
}
