/* SPDX-License-Identifier: GPL-2.0-only */
/* What pages are for, whose they are, and the places where they wait. */
#ifndef EXTSPT_PAGE_CLASS_H
#define EXTSPT_PAGE_CLASS_H

#include <linux/list.h>

enum page_class {
	CLASS_UNASSIGNED,	/* on a list for more than one use, not used yet */
	CLASS_SEPT,
	CLASS_PAMT,
	CLASS_MIRROR,
	CLASS_CONTROL,
	CLASS_GUEST,		/* not on the ledger, only in custody.h */
	NR_CLASSES
};

enum page_owner {
	OWNER_KVM,
	OWNER_TDX,
	NR_OWNERS
};

/* A place where pages wait for their use; record.c lists them. */
struct page_pool {
	const char *name;
	enum page_class class;
	enum page_owner owner;
	int vcpu;		/* -1: the VM's */
	unsigned int nr;
	unsigned int peak;
	unsigned int limit;	/* more is a mistake; 0: none is known */
	struct list_head node;
};

extern const char * const extspt_class_names[NR_CLASSES];
extern const char * const extspt_owner_names[NR_OWNERS];

#endif /* EXTSPT_PAGE_CLASS_H */
