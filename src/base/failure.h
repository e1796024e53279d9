/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What a negative errno (or a positive one) means to the person at the box, and what to do about it:
 * "no permission; run this as root (sudo)". Goes behind "cannot write FILE: ". Never NULL; a literal, or
 * strerror()'s text for errors that have no better words.
 */
const char *failure_text(int error);
