/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bundle/key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "bundle/base64.h"
#include "bundle/refuse.h"
#include "json/bind.h"
#include "json/canonical.h"
#include "json/writer.h"

#define TYPE "gatehouse-private-key"
#define KEY_FILE_MAX 4096u
#define SALT_SIZE crypto_pwhash_argon2id_SALTBYTES
#define NONCE_SIZE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define SEALED_SIZE (KEY_SIZE + crypto_aead_xchacha20poly1305_ietf_ABYTES)
#define PASSES_MAX 8          /* more memory or time than HIGH: somebody wants to hold us up */
#define MEMORY_MAX (1 << 30)

static const struct {
	int64_t passes;
	int64_t memory; /* bytes */
} costs[] = {
	[KEY_COST_LOW] = { crypto_pwhash_argon2id_OPSLIMIT_INTERACTIVE, crypto_pwhash_argon2id_MEMLIMIT_INTERACTIVE },
	[KEY_COST_NORMAL] = { crypto_pwhash_argon2id_OPSLIMIT_MODERATE, crypto_pwhash_argon2id_MEMLIMIT_MODERATE },
	[KEY_COST_HIGH] = { crypto_pwhash_argon2id_OPSLIMIT_SENSITIVE, crypto_pwhash_argon2id_MEMLIMIT_SENSITIVE },
};

/* Everything but the seed. */
struct lock {
	struct public_key public;
	int64_t passes;
	int64_t memory;
	uint8_t salt[SALT_SIZE];
	uint8_t nonce[NONCE_SIZE];
	uint8_t sealed[SEALED_SIZE];
};

/* The text of the file, or without `sealed` what is authenticated. */
static char *lock_text(const struct lock *lock, bool sealed, struct arena *arena)
{
	const char *last = !sealed ? "" :
		arena_printf(arena, ",\"sealed\":\"%s\"", base64_encode(lock->sealed, SEALED_SIZE, arena));

	return arena_printf(arena,
		"{\"format\":1,\"kdf\":\"argon2id\",\"memory\":%lld,\"nonce\":\"%s\",\"passes\":%lld,\"public\":\"%s\","
		"\"salt\":\"%s\"%s,\"type\":\"" TYPE "\"}\n",
		(long long)lock->memory, base64_encode(lock->nonce, NONCE_SIZE, arena), (long long)lock->passes,
		base64_encode(lock->public.bytes, KEY_SIZE, arena), base64_encode(lock->salt, SALT_SIZE, arena),
		last);
}

static int derive(const struct lock *lock, const struct secret *passphrase, struct secret *ret)
{
	int r = secret_new(crypto_aead_xchacha20poly1305_ietf_KEYBYTES, ret);

	if (r < 0)
		return r;
	if (crypto_pwhash_argon2id(ret->bytes, ret->size, (const char *)passphrase->bytes, passphrase->size,
				   lock->salt, (unsigned long long)lock->passes, (size_t)lock->memory,
				   crypto_pwhash_argon2id_ALG_ARGON2ID13) == 0)
		return 0;
	secret_free(ret);
	return -ENOMEM;
}

static int seal(const struct private_key *key, const struct secret *passphrase, enum key_cost cost,
		struct arena *arena, const char **ret)
{
	struct lock lock = { .public = key->public, .passes = costs[cost].passes, .memory = costs[cost].memory };
	struct secret sealer;
	const char *open;
	int r;

	randombytes_buf(lock.salt, sizeof(lock.salt));
	randombytes_buf(lock.nonce, sizeof(lock.nonce));
	r = derive(&lock, passphrase, &sealer);
	if (r < 0)
		return r;
	open = lock_text(&lock, false, arena);
	crypto_aead_xchacha20poly1305_ietf_encrypt(lock.sealed, NULL, key->seed.bytes, KEY_SIZE,
						   (const uint8_t *)open, strlen(open), NULL, lock.nonce,
						   sealer.bytes);
	secret_free(&sealer);
	*ret = lock_text(&lock, true, arena);
	return 0;
}

int key_file_rewrite(const char *path, const struct private_key *key, const struct secret *passphrase,
		     enum key_cost cost)
{
	struct arena arena = { 0 };
	const char *text;
	int r = seal(key, passphrase, cost, &arena, &text);

	if (r == 0)
		r = file_replace(path, text, strlen(text), 0600);
	arena_free(&arena);
	return r;
}

int key_file_write(const char *path, const struct private_key *key, const struct secret *passphrase,
		   enum key_cost cost)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	int r;

	if (fd < 0)
		return -errno;
	close(fd);
	r = key_file_rewrite(path, key, passphrase, cost);
	if (r < 0)
		unlink(path);
	return r;
}

/* ---- reading ---- */

static bool check_rights(const char *path, struct diag_list *diags)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return refuse(diags, path, "key-file", "look at the spelling, or at the stick",
			      "%s", strerror(errno));
	if (st.st_mode & 077)
		return refuse(diags, path, "key-file", "chmod 600 it; and if others were here before, make a new key",
			      "others than its owner may read or write this private key");
	if (st.st_uid != geteuid() && geteuid() != 0)
		return refuse(diags, path, "key-file", "use it as the person whose key it is",
			      "this private key belongs to somebody else");
	return true;
}

bool key_file_read(const char *path, struct arena *arena, struct diag_list *diags, struct key_file *ret)
{
	const char *public;
	char *text;
	size_t len;
	int r;

	if (!check_rights(path, diags))
		return false;
	r = file_read(path, KEY_FILE_MAX, arena, &text, &len);
	if (r < 0)
		return refuse(diags, path, "key-file", "`gatehouse key new` makes one",
			      "%s", strerror(-r));
	if (!len || text[len - 1] != '\n')
		return refuse(diags, path, "key-file", "take it from your backup",
			      "this is no whole private key file");
	*ret = (struct key_file){ .path = path };
	ret->value = canonical_parse(path, text, len - 1, arena, diags);
	if (!ret->value)
		return false;
	public = value_member_text(ret->value, "public");
	if (!public || !base64_decode_into(public, ret->public.bytes, KEY_SIZE) ||
	    strcmp(value_member_text(ret->value, "type") ?: "", TYPE) != 0)
		return refuse(diags, path, "key-file", "`gatehouse key new` makes one",
			      "this is no private key of gatehouse");
	return true;
}

struct lock_members {
	const struct value *format, *kdf, *memory, *nonce, *passes, *public, *salt, *sealed, *type;
};

static bool take_members(const struct lock_members *m, struct lock *ret)
{
	ret->passes = m->passes->integer;
	ret->memory = m->memory->integer;
	return m->format->integer == 1 && !strcmp(m->kdf->text, "argon2id") &&
	       ret->passes >= costs[KEY_COST_LOW].passes && ret->passes <= PASSES_MAX &&
	       ret->memory >= costs[KEY_COST_LOW].memory && ret->memory <= MEMORY_MAX &&
	       base64_decode_into(m->salt->text, ret->salt, SALT_SIZE) &&
	       base64_decode_into(m->nonce->text, ret->nonce, NONCE_SIZE) &&
	       base64_decode_into(m->sealed->text, ret->sealed, SEALED_SIZE);
}

static bool read_lock(const struct key_file *file, struct arena *arena, struct diag_list *diags,
		      struct lock *ret)
{
#define ROW(name, types) { #name, types, offsetof(struct lock_members, name), true }
	static const struct bind_row rows[] = {
		ROW(format, BIND_INT), ROW(kdf, BIND_TEXT), ROW(memory, BIND_INT), ROW(nonce, BIND_TEXT),
		ROW(passes, BIND_INT), ROW(public, BIND_TEXT), ROW(salt, BIND_TEXT), ROW(sealed, BIND_TEXT),
		ROW(type, BIND_TEXT),
	};
#undef ROW
	static const struct bind_table table = { "a private key", BIND_ROWS(rows) };
	const struct binder b = { arena, diags };
	struct lock_members m = { 0 };

	*ret = (struct lock){ .public = file->public };
	if (!bind_map(&b, file->value, &table, &m))
		return false;
	return take_members(&m, ret) ||
	       refuse(diags, file->path, "key-file", "take it from your backup; a newer program may have made it",
			      "this private key is made in a way that this program does not know");
}

/* 1: opened; 0: the passphrase does not fit; negative errno. */
static int unseal(const struct lock *lock, const struct secret *passphrase, struct arena *arena,
		  struct secret *ret)
{
	const char *open = lock_text(lock, false, arena);
	struct secret sealer;
	int r = derive(lock, passphrase, &sealer);

	if (r < 0)
		return r;
	r = secret_new(KEY_SIZE, ret);
	if (r == 0 && crypto_aead_xchacha20poly1305_ietf_decrypt(ret->bytes, NULL, NULL, lock->sealed, SEALED_SIZE,
			(const uint8_t *)open, strlen(open), lock->nonce, sealer.bytes) == 0)
		r = 1;
	if (r == 0)
		secret_free(ret);
	secret_free(&sealer);
	return r;
}

bool key_file_open(const struct key_file *file, const struct secret *passphrase, struct arena *arena,
		   struct diag_list *diags, struct private_key *ret)
{
	const struct diag_place place = { .file = file->path };
	struct secret seed;
	struct lock lock;
	int r;

	if (!read_lock(file, arena, diags, &lock))
		return false;
	r = unseal(&lock, passphrase, arena, &seed);
	if (r == 0) {
		diag_add(diags, DIAG_ERROR, "passphrase", &place,
			 "try again; without it the key is lost, and another must take its place (trust rotate)",
			 "the passphrase does not open this key, or the file was changed");
		return false;
	}
	r = r < 0 ? r : key_from_seed(&seed, ret);
	if (r < 0)
		return refuse(diags, file->path, "key-file", "raise `ulimit -l`, or free memory",
			      "there is not enough memory, or none that can be locked");
	if (!memcmp(ret->public.bytes, file->public.bytes, KEY_SIZE))
		return true;
	key_free(ret);
	return refuse(diags, file->path, "key-file", "take it from your backup",
			      "its two halves are of different keys");
}
