/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/utf8.h"

#include <string.h>

#define TOP_BITS UINT64_C(0x8080808080808080)

struct form {
	uint8_t mask;
	uint8_t lead;
	uint8_t size;
	uint32_t least; /* smaller code points are over-long in this form */
};

static const struct form forms[] = {
	{ 0x80, 0x00, 1, 0 },
	{ 0xe0, 0xc0, 2, 0x80 },
	{ 0xf0, 0xe0, 3, 0x800 },
	{ 0xf8, 0xf0, 4, 0x10000 },
};

static bool code_valid(uint32_t code, const struct form *form)
{
	if (code < form->least || code > 0x10ffff)
		return false;
	return code < 0xd800 || code > 0xdfff;
}

static size_t decode(const uint8_t *p, size_t len, const struct form *form, uint32_t *ret_code)
{
	uint32_t code = p[0] & (uint8_t)~form->mask;

	if (form->size > len)
		return 0;
	for (size_t i = 1; i < form->size; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (p[i] & 0x3fu);
	}
	if (!code_valid(code, form))
		return 0;
	*ret_code = code;
	return form->size;
}

size_t utf8_next(const char *p, size_t len, uint32_t *ret_code)
{
	const uint8_t *bytes = (const uint8_t *)p;

	if (!len)
		return 0;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if ((bytes[0] & forms[i].mask) == forms[i].lead)
			return decode(bytes, len, &forms[i], ret_code);
	return 0;
}

size_t utf8_count(const char *p, size_t len)
{
	const char *end = p + len;
	size_t count = 0;

	while (p < end) {
		uint64_t eight = TOP_BITS;

		if (end - p >= 8)
			memcpy(&eight, p, 8);
		if (!(eight & TOP_BITS)) { /* as nearly all text is */
			count += 8;
			p += 8;
		} else {
			count += ((uint8_t)*p++ & 0xc0) != 0x80;
		}
	}
	return count;
}

bool utf8_is_control(uint32_t code)
{
	if (code < 0x20 || (code >= 0x7f && code < 0xa0))
		return true;
	return (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) ||
	       code == 0x2028 || code == 0x2029;
}
