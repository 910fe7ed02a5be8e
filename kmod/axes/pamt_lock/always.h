/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * L1: one spinlock on every get and put (v6 05/11 without 06/11; tip x86/tdx,
 * 2026-09-04: commit eca9d4a3f1f8). A get takes two pages off the list before it knows
 * whether it needs them, and gives them to the page allocator when it does not;
 * so the next topup allocates two. The quirk reset that v6 does on pages it
 * gives back is left out: parts that need it are not modelled.
 */
#ifndef EXTSPT_PAMT_LOCK_ALWAYS_H
#define EXTSPT_PAMT_LOCK_ALWAYS_H

#define PAMT_REFS_NONE		0

#include "tdx/pamt_global_lock.h"

#endif /* EXTSPT_PAMT_LOCK_ALWAYS_H */
