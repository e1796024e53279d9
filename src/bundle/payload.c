/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bundle/payload.h"

#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "base/calendar.h"
#include "base/utf8.h"

void payload_format_instant(int64_t instant, char out[static INSTANT_SIZE])
{
	time_t t = instant;
	struct tm tm;

	strftime(out, INSTANT_SIZE, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
}

bool payload_refuse(const struct binder *b, const struct value *at, const char *help, const char *format, ...)
{
	char message[512];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	bind_finding(b, DIAG_ERROR, "payload", at, help, "%s", message);
	return false;
}

bool payload_serial(const struct binder *b, const struct value *at, int64_t *ret)
{
	*ret = at->integer;
	return (*ret >= 1 && *ret <= SERIAL_MAX) ||
	       payload_refuse(b, at, "count serials up from 1", "this is no serial number");
}

bool payload_day(const struct binder *b, const struct value *at, int64_t otherwise, int64_t *ret)
{
	*ret = otherwise;
	return !at || calendar_parse_date(at->text, ret) ||
	       payload_refuse(b, at, "write it as 2026-11-25", "\"%s\" is no date", at->text);
}

bool payload_instant(const struct binder *b, const struct value *at, int64_t *ret)
{
	struct tm tm = { 0 };
	const char *rest = strlen(at->text) == INSTANT_SIZE - 1 ? strptime(at->text, "%Y-%m-%dT%H:%M:%SZ", &tm) : NULL;

	*ret = rest && !*rest ? timegm(&tm) : 0;
	return *ret > 0 || payload_refuse(b, at, "write it as 2026-11-25T22:00:00Z",
					  "\"%s\" is no date and time in UTC", at->text);
}

static bool is_plain(const char *text)
{
	size_t left = strlen(text);
	uint32_t code;

	if (!left || *text == ' ' || text[left - 1] == ' ' || strstr(text, "  "))
		return false;
	while (left) {
		size_t size = utf8_next(text, left, &code);

		if (!size || utf8_is_control(code))
			return false;
		text += size;
		left -= size;
	}
	return true;
}

bool payload_text(const struct binder *b, const struct value *at, const char **ret)
{
	*ret = at->text;
	return is_plain(at->text) ||
	       payload_refuse(b, at, "one line, without blanks around it or two in a row", "this is no plain text");
}
