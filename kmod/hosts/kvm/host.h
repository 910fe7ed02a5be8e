/* SPDX-License-Identifier: GPL-2.0-only */
/* What module.c, which is rendered per variant, calls. */
#ifndef EXTSPT_HOST_H
#define EXTSPT_HOST_H

int extspt_host_init(void);
void extspt_host_exit(void);

#endif /* EXTSPT_HOST_H */
