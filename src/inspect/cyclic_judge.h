/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Cyclic connections against the rules: what a Forward Open asks for, what the device answers, and whether
 * one that is open may still be. They are point to point, between the conduit's own two hosts and on
 * port 2222, and as the rule's entry says; anything else is refused.
 */
#include "inspect/app.h"
#include "inspect/match_cip.h"

/*
 * The Forward Open that the message carries. `question` has the connection's route. Leaves in *ret the
 * reason and the rule.
 */
void cyclic_judge(const struct question_context *q, const struct cip_question *question,
		  const struct enip_message *m, const struct cip_open *open, struct match *ret);

/* The device's answer to the opening of that number: REASON_NONE or REASON_REPLY_MISMATCH. */
enum reason cyclic_judge_answer(const struct question_context *q, uint32_t number, const struct enip_message *m,
				const struct cip_reply *reply);

/* Which rule of the conduit permits the connection at this time; or why none does. */
void cyclic_judge_again(const struct program *program, const struct program_conduit *conduit,
			const struct cyclic *c, int64_t wall, struct match *ret);
