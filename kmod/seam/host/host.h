/* SPDX-License-Identifier: GPL-2.0-only */
/* User-space harness: what its programs share. */
#ifndef EXTSPT_SEAM_HOST_H
#define EXTSPT_SEAM_HOST_H

#include "../model/call.h"

#define HOST_MAX_THREADS 8

/* Memory that stands for the pages at physical address 0 and up (check_content only). */
void host_set_arena(void *memory);

#endif
