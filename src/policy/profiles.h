/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Profiles that the program ships. Those of Modbus follow from the table of its functions. */
#include "policy/model.h"

#define BUILTIN_PROFILES 5u

/* The built-in profiles, sorted by id, in the arena. */
const struct profile *builtin_profiles(struct arena *arena);
