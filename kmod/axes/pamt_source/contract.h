/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Axis pamt_source: where the pages of a PAMT pair come from on the fault path.
 *
 * A choice defines struct pamt_source_vcpu and the hooks below.
 */
#ifndef EXTSPT_PAMT_SOURCE_CONTRACT_H
#define EXTSPT_PAMT_SOURCE_CONTRACT_H

#include <linux/types.h>

struct list_head;
struct pamt_source_vcpu;
struct pamt_supply;

/* vCPU creation. No lock; may sleep. 0 or -ENOMEM; destroy follows in any case. */
static inline int pamt_source_vcpu_init(struct pamt_source_vcpu *pamt, int vcpu,
					struct list_head *pools);

/* vCPU destruction, after its last fault. Frees what is parked. */
static inline void pamt_source_vcpu_destroy(struct pamt_source_vcpu *pamt);

/* Before a fault, by KVM with its own caches. No lock; may sleep. 0 or -ENOMEM. */
static inline int pamt_source_kvm_topup(struct pamt_source_vcpu *pamt);

/* Whether the vendor op is set at all: v6 sets it only with Dynamic PAMT on. */
static inline bool pamt_source_wants_topup(void);

/*
 * Before a fault, inside the vendor op. No lock; may sleep. Makes room for the
 * worst fault plus @extra pages of other use. 0 or -ENOMEM.
 */
static inline int pamt_source_topup(struct pamt_source_vcpu *pamt, unsigned int extra);

/* What a fault takes its pairs from; never sleeps. Not to be used with no source. */
static __always_inline struct pamt_supply pamt_source_supply(struct pamt_source_vcpu *pamt);

#endif /* EXTSPT_PAMT_SOURCE_CONTRACT_H */
