/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record/ledger_key.h"

#include <string.h>

#define SEPARATOR '\x1f'

static uint64_t hash_text(const char *text, unsigned source)
{
	uint64_t hash = 0xcbf29ce484222325u ^ source;

	for (const char *p = text; *p; p++)
		hash = (hash ^ (uint8_t)*p) * 0x100000001b3u;
	hash ^= hash >> 32;
	return hash ? hash : 1;
}

uint64_t ledger_key_pack(const struct ledger_subject *subject, unsigned source, char ret[static LEDGER_KEY_MAX])
{
	size_t n = 0;

	ret[n++] = (char)('0' + subject->kind);
	for (size_t i = 0; i < LEDGER_FIELDS; i++) {
		const char *field = subject->field[i] ? subject->field[i] : "";
		size_t room = LEDGER_KEY_MAX - n - (LEDGER_FIELDS - i) - 1;

		ret[n++] = SEPARATOR;
		for (size_t j = 0; j < room && field[j]; j++)
			ret[n++] = field[j] == SEPARATOR ? '?' : field[j];
	}
	ret[n] = '\0';
	return hash_text(ret, source);
}

void ledger_key_unpack(char key[static LEDGER_KEY_MAX], struct ledger_subject *ret)
{
	char *p = key + 1;

	*ret = (struct ledger_subject){ .kind = (enum ledger_kind)(key[0] - '0') };
	for (size_t i = 0; i < LEDGER_FIELDS; i++) {
		*p++ = '\0';
		ret->field[i] = p;
		p = i + 1 < LEDGER_FIELDS ? strchr(p, SEPARATOR) : p;
	}
}
