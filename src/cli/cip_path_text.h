/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * CIP paths for people and for JSON: "Program:Main.Rate[1,2].Low", "class 1 (identity), instance 1,
 * attribute 7", and a list of objects of one segment each.
 */
#include <stdio.h>

#include "json/writer.h"
#include "protocol/cip_path.h"

#define TAG_TEXT 512u

/* "Line3.Rate[4]"; "" when the path is not a tag's by name. Bytes that are not printable: \xNN. */
void tag_text(const struct cip_path *path, char out[static TAG_TEXT]);

/* "1/0, 2/10.3.0.7"; only its port segments. */
void route_text(const struct cip_path *path, char out[static TAG_TEXT]);

/* A list: {"symbol": ..}, {"class": ..}, .. in the order of the wire. */
void path_write(struct writer *w, const struct cip_path *path);

/* Tag or numbers, without a newline. */
void path_print(FILE *out, const struct cip_path *path);
