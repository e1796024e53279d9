/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Hosts of learned rules get the names that a site folder has for their addresses; others keep the address. */
#include "base/diag.h"
#include "cli/learn_rules.h"

/* 0; 1: findings (in diags); negative errno: the folder cannot be read. */
__attribute__((warn_unused_result))
int learn_names(const char *folder, struct diag_list *diags, struct learn_rules *rules);
