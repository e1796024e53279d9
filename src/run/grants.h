/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Grants of the running gate: judged, begun by a person at the box, compiled beside what is in force, and taken out when
 * their time is over. The kernel closes them by itself: an end needs no supervisor.
 */
#include "run/granted.h"

struct supervisor;
struct diag_list;

/* At the start: those that still run. */
void grants_open(struct supervisor *s);

/*
 * Begins the one that was proposed. 0; 1: refused, with findings; negative errno. *ret_text: what happened.
 */
__attribute__((warn_unused_result))
int grants_begin(struct supervisor *s, const char *user, struct arena *arena, struct diag_list *diags,
		 const char **ret_text);

/* Ends those whose digest begins so ("": all). 0; 1: none does; negative errno. */
__attribute__((warn_unused_result))
int grants_end(struct supervisor *s, const char *digest, const char *user, struct arena *arena, const char **ret_text);

/* They do not fit what comes into force now: all end. False: none ran. */
bool grants_give_way(struct supervisor *s);

/* Call in every turn of the loop. */
void grants_tick(struct supervisor *s);
int grants_timeout(struct supervisor *s);
