/* SPDX-License-Identifier: GPL-2.0-only */
/* What must hold of the module's state between calls. */
#ifndef EXTSPT_SEAM_INVARIANTS_H
#define EXTSPT_SEAM_INVARIANTS_H

#include "host.h"

/* NULL, or what is broken (a static buffer). No call may be running. */
const char *invariants_broken(void);

#endif
