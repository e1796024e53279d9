/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The small notations of EtherNet/IP rules: tags, data files, routes. Each parser answers NULL, or a
 * sentence that says what is wrong with the text. Pure; memory comes from the arena. Inside policy/ only,
 * and for who asks in the same notation (explain).
 */
#include "base/arena.h"
#include "policy/cip_entry.h"

#define TAG_NAME_MAX 40u /* characters of one name in a controller */
#define TAG_TEXT_MAX 255u
#define PCCC_LAST 999u   /* of files, and of elements in one */

/* "Line3.Rate", "Counts[0-9]", "Program:Main.Grid[1,0-3].X", "Recipe.*", "*" */
const char *tag_parse(const char *text, struct arena *arena, struct tag *ret);

/* Does the pattern allow everything, or everything of one program? */
bool tag_is_broad(const struct tag *tag);

/* "N7:0-99", "N7:5", "F8", "S" */
const char *pccc_file_parse(const char *text, struct pccc_file *ret);

/*
 * A function of PCCC: its name, "0f/a3" (command and function), or "08" (a command that has no functions: -1). False:
 * neither a known name nor a number.
 */
bool pccc_function_parse(const char *text, uint8_t *ret_command, int16_t *ret_function);

/* What an entry allows in a word: "read-tags", or the name of its service; NULL when it has none. */
const char *cip_entry_name(const struct cip_entry *entry);

/* "1/0", "1/3/2/10.3.0.7": port and link address, again and again. */
const char *route_parse(const char *text, struct arena *arena, struct cip_route *ret);
