/* SPDX-License-Identifier: GPL-2.0-only */
/* Static PAMT: every page has its metadata from boot. */
#ifndef EXTSPT_PAMT_INSTALL_NONE_H
#define EXTSPT_PAMT_INSTALL_NONE_H

#define pamt_install_dynamic		pamt_install_dynamic
static inline bool pamt_install_dynamic(void)
{
	return false;
}

#endif /* EXTSPT_PAMT_INSTALL_NONE_H */
