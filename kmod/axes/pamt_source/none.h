/* SPDX-License-Identifier: GPL-2.0-only */
/* Static PAMT, or pairs that are installed where sleeping is allowed. */
#ifndef EXTSPT_PAMT_SOURCE_NONE_H
#define EXTSPT_PAMT_SOURCE_NONE_H

#include "tdx/pamt.h"

struct pamt_source_vcpu {
};

static inline int pamt_source_vcpu_init(struct pamt_source_vcpu *pamt, int vcpu,
					struct list_head *pools)
{
	return 0;
}

static inline void pamt_source_vcpu_destroy(struct pamt_source_vcpu *pamt)
{
}

static inline int pamt_source_kvm_topup(struct pamt_source_vcpu *pamt)
{
	return 0;
}

static inline bool pamt_source_wants_topup(void)
{
	return false;
}

static inline int pamt_source_topup(struct pamt_source_vcpu *pamt, unsigned int extra)
{
	return 0;
}

static __always_inline struct pamt_supply pamt_source_supply(struct pamt_source_vcpu *pamt)
{
	return pamt_no_supply();
}

#endif /* EXTSPT_PAMT_SOURCE_NONE_H */
