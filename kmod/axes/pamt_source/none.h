/* SPDX-License-Identifier: GPL-2.0-only */
/* Static PAMT: there are no pairs to install. */
#ifndef EXTSPT_PAMT_SOURCE_NONE_H
#define EXTSPT_PAMT_SOURCE_NONE_H

struct pamt_source_vcpu {
};

static inline void pamt_source_vcpu_init(struct pamt_source_vcpu *pamt, int vcpu,
					 struct list_head *pools)
{
}

static inline void pamt_source_vcpu_destroy(struct pamt_source_vcpu *pamt)
{
}

static inline bool pamt_source_wants_topup(unsigned int extra)
{
	return false;
}

static inline int pamt_source_topup(struct pamt_source_vcpu *pamt, unsigned int extra)
{
	return 0;
}

static inline struct page_list *pamt_source_list(struct pamt_source_vcpu *pamt)
{
	return NULL;
}

#endif /* EXTSPT_PAMT_SOURCE_NONE_H */
