// SPDX-License-Identifier: GPL-2.0-only

#include "lib/sum.h"

int extspt_sum(int a, int b)
{
	return a + b;
}
