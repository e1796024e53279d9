/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Are the signatures of an envelope those that a trust document demands? Every signature must be good and by a key
 * that may sign on that day: one that is not refuses the envelope, whatever the others are. Thresholds count
 * distinct persons; who proposed does not count.
 */
#include "bundle/trust.h"

/*
 * Of a bundle (proposer: its key id, which must have signed) or another payload (proposer = NULL). today: the day
 * in UTC. False with findings: "unknown-key", "bad-signature", "revoked-key", "expired-key", "not-proposed",
 * "threshold", "trust-expired".
 */
bool judge(const struct envelope *envelope, const struct trust *trust, const char *proposer, int64_t today,
	   struct diag_list *diags);

/* A grant: by one ot-approver at least, whatever the thresholds are. */
bool judge_grant(const struct envelope *envelope, const struct trust *trust, int64_t today, struct diag_list *diags);

/* The first trust document of a box: by its own threshold. */
bool judge_first(const struct envelope *envelope, const struct trust *trust, int64_t today,
		 struct diag_list *diags);

/* The next one: by the threshold of the old one, whose dates are not judged, and by its own; one serial higher. */
bool judge_next(const struct envelope *envelope, const struct trust *trust, const struct trust *old,
		int64_t today, struct diag_list *diags);
