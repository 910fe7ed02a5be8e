// SPDX-License-Identifier: GPL-2.0-only

#include <linux/printk.h>

#include "strategy.h"
#include "hosts/twin/host.h"
#include "lib/sum.h"

int extspt_host_init(void)
{
	pr_info("%s %d\n", EXTSPT_VARIANT, extspt_sum(source_id(), guard_id()));
	return 0;
}

void extspt_host_exit(void)
{
}
