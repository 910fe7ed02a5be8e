/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the model needs from where it runs: the kernel, or a process that
 * brings the same names (host/platform.c). The model itself is the same C.
 */
#ifndef EXTSPT_SEAM_PLATFORM_H
#define EXTSPT_SEAM_PLATFORM_H

#ifdef __KERNEL__

#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/cache.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/errno.h>
#include <linux/instruction_pointer.h>
#include <linux/io.h>
#include <linux/irqflags.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/preempt.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <linux/types.h>
#include <linux/vmalloc.h>

#include "lib/compat.h"

#define SEAM_SITE_FORMAT "%pS"

static inline void *platform_zalloc(size_t size)
{
	return vzalloc(size);
}

static inline void platform_free(void *p)
{
	vfree(p);
}

static inline unsigned int platform_nr_cpus(void)
{
	return nr_cpu_ids;
}

/* Stable between platform_pin() and platform_unpin(). */
static inline unsigned int platform_pin(void)
{
	preempt_disable();
	return smp_processor_id();
}

static inline void platform_unpin(void)
{
	preempt_enable();
}

static inline unsigned long platform_irq_save(void)
{
	unsigned long flags;

	local_irq_save(flags);
	return flags;
}

static inline void platform_irq_restore(unsigned long flags)
{
	local_irq_restore(flags);
}

static inline unsigned int platform_package(void)
{
	return extspt_package(raw_smp_processor_id());
}

static inline u64 platform_ticks(void)
{
	return rdtsc();
}

static inline u64 platform_ticks_khz(void)
{
	return tsc_khz;
}

static inline void *platform_page(u64 pa)
{
	return phys_to_virt(pa);
}

/* No access to a page the module owns: only a process can take that away cheaply. */
static inline void platform_guard(u64 pa, bool on)
{
}

#else

#include "../host/platform_user.h"

#endif /* __KERNEL__ */
#endif
