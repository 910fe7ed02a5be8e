/* SPDX-License-Identifier: GPL-2.0-only */
int extspt_host_init(void);
void extspt_host_exit(void);
