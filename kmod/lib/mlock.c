// SPDX-License-Identifier: GPL-2.0-only

#include <linux/percpu.h>
#include <linux/string.h>

#include "lib/compat.h"
#include "lib/mlock.h"

LIST_HEAD(extspt_lock_classes);

/* At module init only: the list of classes has no lock of its own. */
int mlock_class_init(struct mlock_class *class, const char *name, const char *kind)
{
	int ret = -ENOMEM;

	class->name = name;
	class->kind = kind;
	class->acquired = alloc_percpu(u64);
	if (!class->acquired)
		return ret;
	ret = series_init(&class->wait, true);
	if (ret)
		goto free_acquired;
	ret = series_init(&class->hold, true);
	if (ret)
		goto free_wait;
	list_add_tail(&class->node, &extspt_lock_classes);
	return 0;

free_wait:
	series_destroy(&class->wait);
free_acquired:
	free_percpu(class->acquired);
	class->acquired = NULL;
	return ret;
}

/* Does nothing for a class that was never set up. */
void mlock_class_destroy(struct mlock_class *class)
{
	if (!class->acquired)
		return;
	list_del(&class->node);
	series_destroy(&class->hold);
	series_destroy(&class->wait);
	free_percpu(class->acquired);
	class->acquired = NULL;
}

void mlock_classes_reset(void)
{
	struct mlock_class *class;
	int cpu;

	list_for_each_entry(class, &extspt_lock_classes, node) {
		series_reset(&class->wait);
		series_reset(&class->hold);
		for_each_possible_cpu(cpu)
			memset(per_cpu_ptr(class->acquired, cpu), 0, sizeof(u64));
	}
}

void mlock_acquired(struct mlock_class *class)
{
	extspt_cpu_inc(*class->acquired);
	extspt_count(COUNT_LOCK_TAKES);
}

u64 mlock_total_acquired(const struct mlock_class *class)
{
	u64 total = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		total += *per_cpu_ptr(class->acquired, cpu);
	return total;
}
