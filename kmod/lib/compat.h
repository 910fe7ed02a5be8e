/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Everything that differs between kernel versions and architectures, and
 * nothing else. HAVE_X names the change that brought X.
 */
#ifndef EXTSPT_COMPAT_H
#define EXTSPT_COMPAT_H

#include <linux/mm.h>
#include <linux/version.h>

#ifdef CONFIG_X86
#include <asm/cacheflush.h>
#endif

/* Write a page's dirty lines back, as the tdh_* wrappers do before a hand-over. */
static inline void extspt_clflush_page(struct page *page)
{
#if defined(CONFIG_X86) && !defined(CONFIG_UML)
	clflush_cache_range(page_address(page), PAGE_SIZE);
#endif
}

#endif /* EXTSPT_COMPAT_H */
