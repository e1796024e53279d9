/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Where bundles meet rules: their documents for the compiler, and the digest of what they come to. */
#include "bundle/bundle.h"
#include "policy/compile.h"
#include "policy/documents.h"

/* The bundle's documents, which stay where they are. */
void bundle_site_documents(const struct bundle *bundle, struct arena *arena, struct documents *ret);

/* The digest of the permit list. -ENOMEM. */
__attribute__((warn_unused_result))
int bundle_site_digest(const struct compiled *compiled, char ret[static DIGEST_SIZE]);

/*
 * Is what was compiled what was reviewed (G1), and the site the one that the bundle says? False with a finding of
 * that severity: "permits-differ", "wrong-site".
 */
bool bundle_site_check(const struct bundle *bundle, const struct compiled *compiled, enum diag_severity severity,
		       struct diag_list *diags);
