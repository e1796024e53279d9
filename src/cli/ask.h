/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* What is done at the box on purpose: a word is to be typed. */
#include <stdbool.h>

/* False: another word, or nobody is at a terminal (said on stderr; scripts say --yes). */
bool ask_for(const char *command, const char *word);
