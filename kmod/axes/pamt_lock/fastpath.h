/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * L2: one spinlock for the 0 <-> 1 transitions, no lock otherwise (v6 06/11,
 * "Optimize tdx_pamt_get/put()"; before it put_unlocked.h).
 */
#ifndef EXTSPT_PAMT_LOCK_FASTPATH_H
#define EXTSPT_PAMT_LOCK_FASTPATH_H

#define PAMT_REFS_NONE		0

#include "tdx/pamt_fastpath.h"
#include "tdx/pamt_global_lock.h"

#endif /* EXTSPT_PAMT_LOCK_FASTPATH_H */
