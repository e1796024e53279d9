/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Services that several rules of one conduit allow: the same twice, one that others cover altogether, and some
 * requests in common. Found by a sweep over sorted ranges, in time that grows little faster than the rules;
 * each service is held against at most GRANTS_MAX others. Inside policy/ only.
 */
#include "policy/conduits.h"

/* Warnings about the rules of a conduit, each service told once. */
void check_overlaps(const struct loader *l, const struct conduit *conduit);
