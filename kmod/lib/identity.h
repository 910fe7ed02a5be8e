/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which design this module is. Defined where the design is known (tdx/ops.c), so
 * that lib/ gives the same objects for every design and is compiled once.
 */
#ifndef EXTSPT_IDENTITY_H
#define EXTSPT_IDENTITY_H

struct extspt_identity {
	const char *variant;
	const char *title;
	const char *origin;
	const char *design;
	const char *folder;	/* in debugfs */
};

extern const struct extspt_identity extspt_identity;

#endif /* EXTSPT_IDENTITY_H */
