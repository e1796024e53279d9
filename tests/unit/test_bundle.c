/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signed files in memory: every bit of one is guarded, every part of one is refused, whatever is done to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bundle/base64.h"
#include "bundle/bundle.h"
#include "bundle/judge.h"
#include "bundle/pem.h"
#include "json/canonical.h"

#define TODAY 20000
#define NOW (TODAY * INT64_C(86400))

enum person { ANNA, OLAF, IVAN, PERSONS };

/* A site with three people, and a bundle that is as it should be. */
struct plant {
	struct arena arena;
	struct private_key keys[PERSONS];
	struct trust trust;
	struct envelope envelope;
	char *text;
	size_t len;
};

static struct trust draft_of(const struct plant *p)
{
	static const char *const names[PERSONS] = { "anna", "olaf", "ivan" };
	struct trust t = { .site = "mill", .serial = 1, .until = TODAY + 100, .key_count = PERSONS,
			   .threshold_count = 1 };

	for (size_t i = 0; i < PERSONS; i++) {
		t.keys[i] = (struct trust_key){ .name = names[i], .person = names[i], .from = TODAY, .until = TODAY,
						.revoked = TRUST_NEVER, .public = p->keys[i].public,
						.role = i == IVAN ? ROLE_IT_COUNTERSIGN : ROLE_OT_APPROVER };
		key_id(&t.keys[i].public, t.keys[i].id);
	}
	t.thresholds[0].wants[ROLE_OT_APPROVER] = 1;
	t.thresholds[0].wants[ROLE_IT_COUNTERSIGN] = 1;
	return t;
}

static void make_trust(struct plant *p, const struct trust *draft, struct envelope *ret_envelope, struct trust *ret)
{
	struct diag_list diags;

	diag_init(&diags, &p->arena);
	assert_true(envelope_make(PAYLOAD_TRUST, trust_payload(draft, NOW, &p->arena), &p->arena, ret_envelope));
	assert_true(trust_from(ret_envelope, &p->arena, &diags, ret));
}

static void make_bundle(struct plant *p)
{
	struct bundle_document document = { "mill/site.json", "{}", 2 };
	struct bundle bundle = { .site = "mill", .serial = 1, .reset_from = NO_SERIAL, .apply_by = TODAY,
				 .proposer = p->trust.keys[0].id, .documents = &document, .document_count = 1,
				 .permits_format = 1 };
	char permits[DIGEST_SIZE], proposer[KEY_ID_SIZE];

	digest_of("", 0, permits);
	bundle.permits = permits;
	key_id(&p->keys[OLAF].public, proposer);
	bundle.proposer = proposer;
	assert_true(envelope_make(PAYLOAD_BUNDLE, bundle_payload(&bundle, NOW, &p->arena), &p->arena,
				  &p->envelope));
	for (size_t i = 0; i < PERSONS; i++)
		assert_int_equal(envelope_sign(&p->envelope, &p->keys[i]), 0);
	p->text = envelope_text(&p->envelope, &p->arena, &p->len);
}

static int set_up(void **state)
{
	struct plant *p = calloc(1, sizeof(*p));
	struct envelope envelope;
	struct trust draft;

	*state = p;
	for (size_t i = 0; i < PERSONS; i++)
		assert_int_equal(key_make(&p->keys[i]), 0);
	draft = draft_of(p);
	make_trust(p, &draft, &envelope, &p->trust);
	make_bundle(p);
	return 0;
}

static int tear_down(void **state)
{
	struct plant *p = *state;

	for (size_t i = 0; i < PERSONS; i++)
		key_free(&p->keys[i]);
	arena_free(&p->arena);
	free(p);
	return 0;
}

/* Exactly these bytes, so that reading behind them is seen. */
static bool taken(const struct plant *p, const char *text, size_t len)
{
	char *exact = malloc(len + 1);
	struct arena arena = { 0 };
	struct diag_list diags;
	struct envelope *envelope = arena_alloc(&arena, sizeof(*envelope));
	struct bundle bundle;
	bool good;

	memcpy(exact, text, len);
	exact[len] = '\0';
	diag_init(&diags, &arena);
	good = envelope_parse("a.bundle", exact, len, PAYLOAD_BUNDLE, &arena, &diags, envelope) &&
	       bundle_from(envelope, &arena, &diags, &bundle) &&
	       bundle_judge(envelope, &bundle, &p->trust, TODAY, &diags);
	assert_int_equal(good, !diags.errors);
	arena_free(&arena);
	free(exact);
	return good;
}

static void test_a_good_one_is_taken(void **state)
{
	const struct plant *p = *state;

	assert_true(taken(p, p->text, p->len));
}

static void test_every_bit_is_guarded(void **state)
{
	const struct plant *p = *state;
	char *text = malloc(p->len);

	memcpy(text, p->text, p->len);
	for (size_t bit = 0; bit < p->len * 8; bit++) {
		text[bit / 8] ^= (char)(1 << bit % 8);
		if (taken(p, text, p->len))
			fail_msg("bit %zu of %zu may be changed", bit, p->len * 8);
		text[bit / 8] ^= (char)(1 << bit % 8);
	}
	assert_true(taken(p, text, p->len));
	free(text);
}

static void test_every_part_is_refused(void **state)
{
	const struct plant *p = *state;

	for (size_t len = 0; len < p->len; len++)
		assert_false(taken(p, p->text, len));
}

static void test_nothing_may_follow(void **state)
{
	struct plant *p = *state;
	const char *more = arena_printf(&p->arena, "%s\n", p->text);

	assert_false(taken(p, more, strlen(more)));
	more = arena_printf(&p->arena, " %s", p->text);
	assert_false(taken(p, more, strlen(more)));
}

/* Signing twice with one key leaves one signature, and the same file. */
static void test_a_key_signs_once(void **state)
{
	struct plant *p = *state;
	size_t len;

	assert_int_equal(envelope_sign(&p->envelope, &p->keys[ANNA]), 0);
	assert_string_equal(envelope_text(&p->envelope, &p->arena, &len), p->text);
}

static void test_dates_end_with_their_day(void **state)
{
	struct plant *p = *state;
	struct diag_list diags;
	struct bundle bundle;

	diag_init(&diags, &p->arena);
	assert_true(bundle_from(&p->envelope, &p->arena, &diags, &bundle));
	assert_true(bundle_judge(&p->envelope, &bundle, &p->trust, TODAY, &diags));
	assert_false(bundle_judge(&p->envelope, &bundle, &p->trust, TODAY + 1, &diags));
	assert_string_equal(diags.items[0].code, "expired-key");
	assert_false(bundle_judge(&p->envelope, &bundle, &p->trust, TODAY - 1, &diags));
}

/* RFC 8032, section 7.1, test 2: the seed, its public key, and the signature of the byte 72. */
static void test_ed25519_as_published(void **state)
{
	static const uint8_t seed[KEY_SIZE] = {
		0x4c, 0xcd, 0x08, 0x9b, 0x28, 0xff, 0x96, 0xda, 0x9d, 0xb6, 0xc3, 0x46, 0xec, 0x11, 0x4e, 0x0f,
		0x5b, 0x8a, 0x31, 0x9f, 0x35, 0xab, 0xa6, 0x24, 0xda, 0x8c, 0xf6, 0xed, 0x4f, 0xb8, 0xa6, 0xfb };
	static const uint8_t public[KEY_SIZE] = {
		0x3d, 0x40, 0x17, 0xc3, 0xe8, 0x43, 0x89, 0x5a, 0x92, 0xb7, 0x0a, 0xa7, 0x4d, 0x1b, 0x7e, 0xbc,
		0x9c, 0x98, 0x2c, 0xcf, 0x2e, 0xc4, 0x96, 0x8c, 0xc0, 0xcd, 0x55, 0xf1, 0x2a, 0xf4, 0x66, 0x0c };
	static const uint8_t wanted[SIGNATURE_SIZE] = {
		0x92, 0xa0, 0x09, 0xa9, 0xf0, 0xd4, 0xca, 0xb8, 0x72, 0x0e, 0x82, 0x0b, 0x5f, 0x64, 0x25, 0x40,
		0xa2, 0xb2, 0x7b, 0x54, 0x16, 0x50, 0x3f, 0x8f, 0xb3, 0x76, 0x22, 0x23, 0xeb, 0xdb, 0x69, 0xda,
		0x08, 0x5a, 0xc1, 0xe4, 0x3e, 0x15, 0x99, 0x6e, 0x45, 0x8f, 0x36, 0x13, 0xd0, 0xf1, 0x1d, 0x8c,
		0x38, 0x7b, 0x2e, 0xae, 0xb4, 0x30, 0x2a, 0xee, 0xb0, 0x0d, 0x29, 0x16, 0x12, 0xbb, 0x0c, 0x00 };
	uint8_t signature[SIGNATURE_SIZE];
	struct private_key key;
	struct secret secret;

	assert_int_equal(secret_new(KEY_SIZE, &secret), 0);
	memcpy(secret.bytes, seed, KEY_SIZE);
	assert_int_equal(key_from_seed(&secret, &key), 0);
	assert_memory_equal(key.public.bytes, public, KEY_SIZE);
	assert_int_equal(key_sign(&key, "\x72", 1, signature), 0);
	assert_memory_equal(signature, wanted, SIGNATURE_SIZE);
	key_free(&key);
}

/* Keys for which anybody can make signatures: the points of small order. */
static void test_keys_that_are_none(void **state)
{
	static const struct public_key zero, one = { { 1 } };

	assert_false(key_is_usable(&zero));
	assert_false(key_is_usable(&one));
}

static void test_canonical_form(void **state)
{
	static const struct {
		const char *text;
		const char *canonical; /* NULL: there is none */
	} cases[] = {
		{ "{ \"b\": 1, \"a\": [ true , null ] }", "{\"a\":[true,null],\"b\":1}" },
		{ "\"\\u0041\\/\\u001f\\n\\u007f\"", "\"A/\\u001f\\n\x7f\"" },
		{ "{\"a\":-0}", "{\"a\":0}" },
		{ "{\"a\":1,\"a\":1}", NULL },
		{ "[1.5]", NULL },
		{ "[1e2]", NULL },
		{ "{\"a\":{\"b\":1,\"b\":2}}", NULL },
		{ "[9223372036854775807]", "[9223372036854775807]" },
		{ "[9223372036854775808]", NULL },
	};
	struct plant *p = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct value_source source = { .file = "x", .text = cases[i].text, .len = strlen(cases[i].text) };
		struct diag_list diags;
		const struct value *value;
		const char *text;
		size_t len;

		diag_init(&diags, &p->arena);
		value = value_parse(&source, &p->arena, &diags);
		text = value ? canonical_text(value, &p->arena, &len) : NULL;
		if (cases[i].canonical)
			assert_string_equal(text, cases[i].canonical);
		else
			assert_null(text);
	}
}

static void test_base64_is_strict(void **state)
{
	static const char *const wrong[] = { "QQ", "QQ=", "QR==", "QQ==\n", " QQ==", "QQ==QQ==", "Q-==" };
	struct plant *p = *state;
	size_t len;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (base64_decode(wrong[i], &p->arena, &len))
			fail_msg("\"%s\" is taken", wrong[i]);
	assert_memory_equal(base64_decode("QQ==", &p->arena, &len), "A", 2);
	assert_int_equal(len, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_a_good_one_is_taken), TEST(test_every_bit_is_guarded), TEST(test_every_part_is_refused),
		TEST(test_nothing_may_follow), TEST(test_a_key_signs_once), TEST(test_dates_end_with_their_day),
		TEST(test_ed25519_as_published), TEST(test_keys_that_are_none), TEST(test_canonical_form),
		TEST(test_base64_is_strict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
