/* SPDX-License-Identifier: GPL-2.0-only */
/* The state of the modelled TDX module. Nothing outside kmod/seam includes this. */
#ifndef EXTSPT_SEAM_STATE_H
#define EXTSPT_SEAM_STATE_H

#include "../seam.h"

#define SEAM_PAGE_SHIFT		12
#define SEAM_PAGE_SIZE		BIT_ULL(SEAM_PAGE_SHIFT)
#define SEAM_REGION_SHIFT	9		/* 4K pages of a 2M region */
#define SEAM_REGION_PAGES	512U
#define SEAM_REGION_MASK	(SEAM_REGION_PAGES - 1)
#define SEAM_GIG_SHIFT		18		/* 4K pages of a 1G region */
#define SEAM_TABLE_ENTRIES	512
#define SEAM_ROOT_LEVEL		3		/* 4-level S-EPT */
#define SEAM_GPA_WIDTH		48
#define SEAM_SHARED_BIT		BIT_ULL(SEAM_GPA_WIDTH - 1)

/* Physical width 52, HKID in bits 51:46; 32-63 private, 32 is the module's own. */
#define SEAM_HKID_SHIFT		46
#define SEAM_NR_HKIDS		64
#define SEAM_FIRST_PRIVATE_HKID	32
#define SEAM_PA_MASK		GENMASK_ULL(SEAM_HKID_SHIFT - 1, SEAM_PAGE_SHIFT)
#define SEAM_HKID_MASK		GENMASK_ULL(51, SEAM_HKID_SHIFT)

#define SEAM_MIN_TDCX		6
#define SEAM_MAX_TDCX		9
#define SEAM_ROOT_TDCX		3		/* index of the page that holds the root table */
#define SEAM_VCPU_TDCX		5		/* TDCX pages of a vCPU, beside its TDVPR */
#define SEAM_MAX_PACKAGES	8
#define SEAM_WB_BLOCKS		3		/* sub-blocks of a cache write-back */
#define SEAM_NONE		(~0U)

enum seam_page_type {
	PT_NDA = 0,
	PT_RSVD = 1,
	PT_REG = 3,
	PT_TDR = 4,
	PT_TDCX = 5,
	PT_TDVPR = 6,
	PT_EPT = 8,
	PT_PAMT = 15,
};

/*
 * A lock that is tried, never waited for: exclusive bit, host-priority bit
 * (set by a host call that failed, cleared by the next that succeeds), count.
 */
#define SEAM_LOCK_EXCLUSIVE	BIT(0)
#define SEAM_LOCK_HOST_PRIORITY	BIT(1)
#define SEAM_LOCK_SHARED	BIT(2)

/*
 * PAMT entry of a page, at 4K, 2M and 1G. @lock guards @type and @owner.
 * @bepoch is guarded by the S-EPT tree and entry locks of the owner, as
 * RANGE.BLOCK takes no PAMT lock. @object is the model's own: the shadow of
 * the page (TD, vCPU or S-EPT table index by type).
 */
struct seam_pamt {
	atomic_t lock;
	u32 owner;			/* page frame of the TDR */
	u64 bepoch;
	u32 object;
	u8 type;
	u8 marks;			/* SEAM_MARK_*, written by the page's holder */
	u8 row;				/* leaf that took the page */
	u8 pamt_page;			/* Dynamic PAMT: its bitmap bit */
	unsigned long site;		/* and its caller */
};

#define SEAM_MARK_FLUSHED	BIT(0)
#define SEAM_MARK_WRITE_BACK	BIT(1)

struct seam_region {
	struct seam_pamt pamt;
	atomic_t used;			/* 4K pages that are not NDA */
	atomic_t pamt_pages;		/* bitmap bits set */
	atomic_t removals;		/* PAGE.REMOVE, SEPT.REMOVE holding a 4K entry only */
	unsigned long removal_site;	/* the last of them */
	u32 pair[2];			/* PT_PAMT: page frames, guarded by pamt.lock */
	u8 removal_row;
	u8 had_pair;
} ____cacheline_aligned_in_smp;

/* Public states of an S-EPT entry. */
enum seam_sept_state {
	ST_FREE = 0,
	ST_BLOCKED = 1,
	ST_PENDING = 2,
	ST_PENDING_BLOCKED = 3,
	ST_MAPPED = 4,
	ST_REMOVED = 5,
	ST_BLOCKEDW = 8,
	ST_EXPORTED_BLOCKEDW = 9,
	ST_EXPORTED_DIRTY = 11,
	ST_EXPORTED_DIRTY_BLOCKEDW = 12,
	ST_PENDING_BLOCKEDW = 16,
	ST_PENDING_EXPORTED_BLOCKEDW = 17,
	ST_PENDING_EXPORTED_DIRTY = 19,
	ST_PENDING_EXPORTED_DIRTY_BLOCKEDW = 20,
	ST_NL_BLOCKED = 0x81,
	ST_NL_MAPPED = 0x84,
};

/* Shadow S-EPT entry: public state in bits 7:0, lock bits, page address in bits 51:12. */
#define SEPT_STATE_MASK		0xffULL
#define SEPT_LOCK		BIT_ULL(8)
#define SEPT_HOST_PRIORITY	BIT_ULL(9)
#define SEPT_PA_MASK		GENMASK_ULL(51, 12)

struct seam_table {
	u64 entry[SEAM_TABLE_ENTRIES];
};

enum seam_life_cycle {
	LC_HKID_ASSIGNED,
	LC_KEYS_CONFIGURED,
	LC_BLOCKED,
	LC_TEARDOWN,
};

enum seam_op_state {
	OS_UNINITIALIZED,
	OS_INITIALIZED,
	OS_RUNNABLE,
	OS_LIVE_EXPORT,
	OS_PAUSED_EXPORT,
	OS_POST_EXPORT,
	OS_MEMORY_IMPORT,
	OS_STATE_IMPORT,
	OS_POST_IMPORT,
	OS_LIVE_IMPORT,
	OS_FAILED_IMPORT,
};

/* Guarded by the TDR's PAMT lock where no other lock is named. */
struct seam_td {
	atomic_t in_use;
	u32 tdr;			/* page frame */
	u8 life_cycle;
	u8 op_state;			/* op_lock */
	u8 nr_tdcx;
	bool fatal;
	u8 hkid;
	u8 key_packages;		/* bitmap of packages with the key */
	u32 tdcx[SEAM_MAX_TDCX];
	u32 root;			/* shadow table */
	atomic_t nr_vcpus, nr_vcpus_ready, nr_associated;
	atomic64_t children;		/* pages, also those of vCPUs */
	atomic_t op_lock, tree_lock, epoch_lock;
	u64 epoch;			/* epoch_lock */
	atomic_t entered[2];		/* vCPUs inside, by parity of their epoch */
} ____cacheline_aligned_in_smp;

struct seam_vcpu {
	atomic_t in_use;
	u32 nr_tdcx;
	bool ready;
	atomic_t associated;
};

enum seam_key_state {
	KEY_FREE,
	KEY_ASSIGNED,
	KEY_FLUSHED,
	KEY_RESERVED,
};

/* Key ownership table, guarded by kot_lock. */
struct seam_key {
	u8 state;
	atomic_t to_write_back;		/* bitmap of packages */
};

/* Guarded by lock. */
struct seam_package {
	atomic_t lock;
	u8 next_block;			/* of an interrupted write-back, or 0 */
	u64 hkids;			/* it is for */
};

/* What the generations differ in. */
struct seam_traits {
	bool dynamic_pamt;
	bool op_state_detail;		/* OP_STATE_INCORRECT carries the state */
	bool unblock_names_gpa;		/* untracked UNBLOCK: operand RCX, not the tree */
	bool promote_exclusive;		/* PROMOTE: tree exclusive, no locks on the children */
	bool tree_priority;		/* DEMOTE, PROMOTE give way to a call that wants the tree */
	u16 rights;			/* of a mapped entry, as shown */
};

struct seam_module {
	struct seam_config config;
	const struct seam_traits *traits;
	u32 first_page, nr_pages;	/* of the TDMR */
	u32 nr_regions, nr_gigs;
	struct seam_pamt *pages;
	struct seam_region *regions;
	struct seam_pamt *gigs;
	struct seam_table *tables;
	u32 *next_table;		/* free list of tables */
	u64 free_tables;		/* tag << 32 | first, or SEAM_NONE */
	struct seam_td *tds;
	struct seam_vcpu *vcpus;
	atomic_t kot_lock;
	struct seam_key keys[SEAM_NR_HKIDS];
	struct seam_package packages[SEAM_MAX_PACKAGES];
	atomic_t halted;
	atomic64_t lost_pairs;
};

extern struct seam_module seam;

/* Shape of a page operand: aligned to @size, HKID 0, within the physical width. */
static inline bool seam_pa_valid(u64 pa, u64 size)
{
	return !(pa & (size - 1)) && !(pa >> SEAM_HKID_SHIFT);
}

static inline bool seam_pa_covered(u64 pa)
{
	return (pa >> SEAM_PAGE_SHIFT) - seam.first_page < seam.nr_pages;
}

/* Index of a covered page. */
static inline u32 seam_page_of(u64 pa)
{
	return (pa >> SEAM_PAGE_SHIFT) - seam.first_page;
}

static inline struct seam_pamt *seam_pamt_of(u64 pa)
{
	return &seam.pages[seam_page_of(pa)];
}

static inline struct seam_region *seam_region_of(u64 pa)
{
	return &seam.regions[seam_page_of(pa) >> SEAM_REGION_SHIFT];
}

static inline struct seam_pamt *seam_gig_of(u64 pa)
{
	return &seam.gigs[seam_page_of(pa) >> SEAM_GIG_SHIFT];
}

static inline u8 sept_state(u64 entry)
{
	return entry & SEPT_STATE_MASK;
}

static inline u64 sept_pa(u64 entry)
{
	return entry & SEPT_PA_MASK;
}

static inline bool sept_is_table(u8 state)
{
	return state & 0x80;
}

/* The public states, up to 0x84, folded into 64 bits without a collision. */
#define ST_BIT(state) BIT_ULL((state) % 95)

static inline bool sept_state_in(u8 state, u64 states)
{
	return ST_BIT(state) & states;
}

static inline bool seam_is_dpamt(void)
{
	return seam.config.dynamic_pamt;
}

#endif /* EXTSPT_SEAM_STATE_H */
