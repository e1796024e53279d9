/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* What is in a bundle and who signed it, for people and for programs. trust: for the names of keys, or NULL. */
#include "cli/site_input.h"

void bundle_show(const struct site_input *input, const struct trust *trust, bool json);
