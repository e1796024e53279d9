/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/bundle_site.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/model.h"

void bundle_site_documents(const struct bundle *bundle, struct arena *arena, struct documents *ret)
{
	ret->count = bundle->document_count;
	ret->items = arena_array(arena, ret->count, sizeof(*ret->items));
	for (size_t i = 0; i < ret->count; i++)
		ret->items[i] = (struct document){ .path = bundle->documents[i].path, .text = bundle->documents[i].text,
						   .len = bundle->documents[i].len };
}

int bundle_site_digest(const struct compiled *compiled, char ret[static DIGEST_SIZE])
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	int r = -ENOMEM;

	if (out) {
		compile_write_permits(compiled, out);
		r = fclose(out) ? -ENOMEM : 0;
	}
	if (r == 0)
		digest_of(text, len, ret);
	free(text);
	return r;
}

bool bundle_site_check(const struct bundle *bundle, const struct compiled *compiled, enum diag_severity severity,
		       struct diag_list *diags)
{
	const struct diag_place place = { .file = bundle->file };
	char digest[DIGEST_SIZE];

	if (strcmp(bundle->site, compiled->site->id) != 0) {
		diag_add(diags, severity, "wrong-site", &place, "make it again with `bundle create`",
			 "it says that it is for %s, and its documents that they are for %s", bundle->site,
			 compiled->site->id);
		return false;
	}
	if (bundle->permits_format == PERMITS_FORMAT && bundle_site_digest(compiled, digest) == 0 &&
	    !strcmp(digest, bundle->permits))
		return true;
	diag_add(diags, severity, "permits-differ", &place,
		 "make and sign it again with the program that the gate runs; `compile` writes the list as permits.jsonl",
		 "its documents do not come to the permit list that was signed: this program reads them differently");
	return false;
}
