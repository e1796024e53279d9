/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The objects behind the message router. Each takes the requests whose path begins with its class (or
 * with a symbol) and fills in the reply.
 */
#include "message.h"

void identity_answer(const struct request *request, struct reply *reply);   /* 01 */
void processor_answer(const struct request *request, struct reply *reply);  /* 8E */
void settings_answer(const struct request *request, struct reply *reply);   /* 8B, F5 */
void assembly_answer(const struct request *request, struct reply *reply);   /* 04 */
void connection_answer(const struct request *request, struct reply *reply); /* 06 */
void pccc_answer(const struct request *request, struct reply *reply);       /* 67 */
void symbol_answer(const struct request *request, struct reply *reply);     /* 6B, and any symbol */
void template_answer(const struct request *request, struct reply *reply);   /* 6C */

/* The item of List Identity, without its type and length. */
void identity_item(struct out *out);
