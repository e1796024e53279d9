/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Profiles that the program ships. Their entries follow from the table of Modbus functions. */
#include "policy/model.h"

#define BUILTIN_PROFILES 2u

/* The built-in profiles, sorted by id, in the arena. */
const struct profile *builtin_profiles(struct arena *arena);
