/* SPDX-License-Identifier: GPL-2.0-only */
int extspt_sum(int a, int b);
