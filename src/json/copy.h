/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
#include "json/value.h"
#include "json/writer.h"

/* Writes a value that was read, members in their order. */
void copy_value(struct writer *w, const struct value *value);
