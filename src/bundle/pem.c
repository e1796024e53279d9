/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bundle/pem.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "bundle/base64.h"

#define BEGIN "-----BEGIN "
#define END "-----END "
#define PUBLIC "PUBLIC KEY-----\n"
#define PRIVATE "PRIVATE KEY-----\n"

/* RFC 8410, sections 4 and 7: everything before the 32 bytes is the same for every key. */
static const uint8_t public_head[] = { 0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00 };
static const uint8_t private_head[] = { 0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70,
					0x04, 0x22, 0x04, 0x20 };

char *pem_public(const struct public_key *key, struct arena *arena)
{
	uint8_t der[sizeof(public_head) + KEY_SIZE];

	memcpy(der, public_head, sizeof(public_head));
	memcpy(der + sizeof(public_head), key->bytes, KEY_SIZE);
	return arena_printf(arena, BEGIN PUBLIC "%s\n" END PUBLIC, base64_encode(der, sizeof(der), arena));
}

/* What stands between the lines; NULL when they are others. */
static const char *body(const char *text, const char *label, size_t *ret_len)
{
	const char *start, *end;

	if (strncmp(text, BEGIN, strlen(BEGIN)) || strncmp(text + strlen(BEGIN), label, strlen(label)))
		return NULL;
	start = text + strlen(BEGIN) + strlen(label);
	end = strchr(start, '\n');
	if (!end || strncmp(end + 1, END, strlen(END)) || strncmp(end + 1 + strlen(END), label, strlen(label) - 1))
		return NULL;
	*ret_len = (size_t)(end - start);
	return start;
}

bool pem_parse_public(const char *text, struct arena *arena, struct public_key *ret)
{
	size_t len = strcspn(text, "\n");
	const char *start = strncmp(text, BEGIN, strlen(BEGIN)) ? text : body(text, PUBLIC, &len);
	uint8_t der[sizeof(public_head) + KEY_SIZE];

	if (!start || !base64_decode_into(arena_strndup(arena, start, len), der, sizeof(der)) ||
	    memcmp(der, public_head, sizeof(public_head)))
		return false;
	memcpy(ret->bytes, der + sizeof(public_head), KEY_SIZE);
	return true;
}

int pem_take_seed(char *text, size_t len, struct secret *ret)
{
	size_t base64_len = 0, der_len = 0;
	const char *start = body(text, PRIVATE, &base64_len);
	struct secret der;
	int r = secret_new(sizeof(private_head) + KEY_SIZE, &der);

	if (r < 0)
		return r;
	if (!start || sodium_base642bin(der.bytes, der.size, start, base64_len, NULL, &der_len, NULL,
					sodium_base64_VARIANT_ORIGINAL) < 0 ||
	    der_len != der.size || memcmp(der.bytes, private_head, sizeof(private_head)))
		r = -EBADMSG;
	if (r == 0)
		r = secret_new(KEY_SIZE, ret);
	if (r == 0)
		memcpy(ret->bytes, der.bytes + sizeof(private_head), KEY_SIZE);
	secret_free(&der);
	sodium_memzero(text, len);
	return r;
}
