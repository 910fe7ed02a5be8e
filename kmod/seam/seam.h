/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SEAM: the leaf functions of the TDX module, as the bench calls them.
 *
 * seam_call() takes the registers of a SEAMCALL and answers with the status
 * and registers the TDX module would give. Behind it is a software model: a
 * state machine with the module's checks in the module's order, its locks and
 * its bookkeeping, but no SEAM mode, no encryption and no guest.
 *
 * Context: any, also under spinlocks and RCU. The module never sleeps and its
 * locks never wait; it answers SEAM_OPERAND_BUSY. seam_init(), seam_exit(),
 * seam_walk_*() and seam_check_leaks() are for process context.
 */
#ifndef EXTSPT_SEAM_H
#define EXTSPT_SEAM_H

#include "model/platform.h"

/* Bits 15:0 of RAX; the version goes to bits 23:16. */
enum seam_leaf {
	SEAM_VP_ENTER = 0,
	SEAM_MNG_ADDCX = 1,
	SEAM_MEM_PAGE_ADD = 2,
	SEAM_MEM_SEPT_ADD = 3,
	SEAM_VP_ADDCX = 4,
	SEAM_MEM_PAGE_RELOCATE = 5,
	SEAM_MEM_PAGE_AUG = 6,
	SEAM_MEM_RANGE_BLOCK = 7,
	SEAM_MNG_KEY_CONFIG = 8,
	SEAM_MNG_CREATE = 9,
	SEAM_VP_CREATE = 10,
	SEAM_MNG_RD = 11,
	SEAM_MEM_PAGE_DEMOTE = 15,
	SEAM_MR_EXTEND = 16,
	SEAM_MR_FINALIZE = 17,
	SEAM_VP_FLUSH = 18,
	SEAM_MNG_VPFLUSHDONE = 19,
	SEAM_MNG_KEY_FREEID = 20,
	SEAM_MNG_INIT = 21,
	SEAM_VP_INIT = 22,
	SEAM_MEM_PAGE_PROMOTE = 23,
	SEAM_PHYMEM_PAGE_RDMD = 24,
	SEAM_MEM_SEPT_RD = 25,
	SEAM_PHYMEM_PAGE_RECLAIM = 28,
	SEAM_MEM_PAGE_REMOVE = 29,
	SEAM_MEM_SEPT_REMOVE = 30,
	SEAM_MEM_TRACK = 38,
	SEAM_MEM_RANGE_UNBLOCK = 39,
	SEAM_PHYMEM_CACHE_WB = 40,
	SEAM_PHYMEM_PAGE_WBINVD = 41,
	SEAM_PHYMEM_PAMT_ADD = 58,
	SEAM_PHYMEM_PAMT_REMOVE = 59,
	SEAM_NR_LEAVES = 64,
};

#define SEAM_LEAF_MASK			0xffffULL
#define SEAM_VERSION_SHIFT		16
#define SEAM_VERSION_MASK		0xffULL
/*
 * For the model only: no vCPU is in the TD, and the caller is alone. What is drawn
 * does not make such a call BUSY, as nothing on a real machine would.
 */
#define SEAM_ALONE			BIT_ULL(63)

/* Status: bits 63:32 class and code, bits 31:0 details (an operand id, mostly). */
#define SEAM_STATUS_MASK		0xffffffff00000000ULL
#define SEAM_ERROR			BIT_ULL(63)

#define SEAM_SUCCESS			0ULL
#define SEAM_INTERRUPTED_RESUMABLE	0x8000000300000000ULL
#define SEAM_INTERRUPTED_RESTARTABLE	0x8000000400000000ULL
#define SEAM_OPERAND_INVALID		0xc000010000000000ULL
#define SEAM_OPERAND_ADDR_RANGE_ERROR	0xc000010100000000ULL
#define SEAM_OPERAND_BUSY		0x8000020000000000ULL
#define SEAM_PREVIOUS_TLB_EPOCH_BUSY	0x8000020100000000ULL
#define SEAM_SYS_BUSY			0x8000020200000000ULL
#define SEAM_RND_NO_ENTROPY		0x8000020300000000ULL
#define SEAM_OPERAND_BUSY_HOST_PRIORITY	0x8000020400000000ULL
#define SEAM_INTERRUPTED_BUSY		0x8000020600000000ULL
#define SEAM_PAGE_METADATA_INCORRECT	0xc000030000000000ULL
#define SEAM_PAGE_NOT_FREE		0xc000030300000000ULL
#define SEAM_HPA_RANGE_NOT_FREE		0xc000030400000000ULL
#define SEAM_NO_PAMT_PAGE_PAIR		0xc000030500000000ULL
#define SEAM_PAMT_PAGE_NOT_EMPTY	0xc000030600000000ULL
#define SEAM_MISSING_PAMT_PAGE_PAIR	0x8000030800000000ULL
#define SEAM_TD_ASSOCIATED_PAGES_EXIST	0xc000040000000000ULL
#define SEAM_TD_FATAL			0xe000060400000000ULL
#define SEAM_TDCS_NOT_ALLOCATED		0xc000060600000000ULL
#define SEAM_LIFECYCLE_STATE_INCORRECT	0xc000060700000000ULL
#define SEAM_OP_STATE_INCORRECT		0xc000060800000000ULL
#define SEAM_NO_VCPUS			0xc000060900000000ULL
#define SEAM_TDCX_NUM_INCORRECT		0xc000061000000000ULL
#define SEAM_VCPU_STATE_INCORRECT	0xc000070000000000ULL
#define SEAM_VCPU_ASSOCIATED		0x8000070100000000ULL
#define SEAM_VCPU_NOT_ASSOCIATED	0x8000070200000000ULL
#define SEAM_KEY_GENERATION_FAILED	0x8000080000000000ULL
#define SEAM_TD_KEYS_NOT_CONFIGURED	0x8000081000000000ULL
#define SEAM_KEY_STATE_INCORRECT	0xc000081100000000ULL
#define SEAM_KEY_CONFIGURED		0x0000081500000000ULL
#define SEAM_WBCACHE_NOT_COMPLETE	0x8000081700000000ULL
#define SEAM_HKID_NOT_FREE		0xc000082000000000ULL
#define SEAM_NO_HKID_READY_TO_WBCACHE	0x0000082100000000ULL
#define SEAM_WBCACHE_RESUME_ERROR	0xc000082300000000ULL
#define SEAM_FLUSHVP_NOT_DONE		0x8000082400000000ULL
#define SEAM_EPT_WALK_FAILED		0xc0000b0000000000ULL
#define SEAM_GPA_RANGE_NOT_BLOCKED	0xc0000b0600000000ULL
#define SEAM_GPA_RANGE_ALREADY_BLOCKED	0x00000b0700000000ULL
#define SEAM_TLB_TRACKING_NOT_DONE	0xc0000b0800000000ULL
#define SEAM_EPT_INVALID_PROMOTE	0xc0000b0900000000ULL
#define SEAM_EPT_ENTRY_STATE_INCORRECT	0xc0000b0d00000000ULL
#define SEAM_EPT_PAGE_NOT_FREE		0xc0000b0e00000000ULL

/* Software-made, as Linux makes them: bit 63 and bits 47:40 set. Never the module's. */
#define SEAM_SW_ERROR			0x8000ff0000000000ULL
#define SEAM_SW_NO_MODULE		(SEAM_SW_ERROR | 0xffff0000ULL)
#define SEAM_SW_MODEL_LIMIT		(SEAM_SW_ERROR | 0xffff0001ULL)
#define SEAM_SW_HALTED			(SEAM_SW_ERROR | 0xffff0002ULL)

/* Operand ids, in the low half of a status. */
#define SEAM_OP_RAX			0
#define SEAM_OP_RCX			1
#define SEAM_OP_RDX			2
#define SEAM_OP_R8			8
#define SEAM_OP_R9			9
#define SEAM_OP_R10			10
#define SEAM_OP_R11			11
#define SEAM_OP_R12			12
#define SEAM_OP_R13			13
#define SEAM_OP_TDR			128
#define SEAM_OP_TDCX			129
#define SEAM_OP_TDCS			144
#define SEAM_OP_SEPT_TREE		146
#define SEAM_OP_SEPT_ENTRY		147
#define SEAM_OP_TD_EPOCH		169
#define SEAM_OP_OP_STATE		172
#define SEAM_OP_KOT			186
#define SEAM_OP_KET			187
#define SEAM_OP_WBCACHE			188

/* RCX of REMOVE, SEPT.REMOVE and PROMOTE, R9 of RECLAIM: the region's pair is unused now. */
#define SEAM_HINT_PAIR_UNUSED		BIT_ULL(62)
/* R8 of SEPT.ADD version 1: the page was not taken. */
#define SEAM_PAGE_NOT_TAKEN		BIT_ULL(63)
/* RDX of SEPT.ADD: an existing table is no error. */
#define SEAM_SEPT_ADD_ALLOW_EXISTING	1ULL
/* A page operand that names no page. */
#define SEAM_NULL_PA			(~0ULL)

/* S-EPT levels in bits 2:0 of a GPA operand. */
#define SEAM_LEVEL_4K			0
#define SEAM_LEVEL_2M			1
#define SEAM_LEVEL_1G			2

struct seam_args {
	u64 rcx, rdx, r8, r9, r10, r11, r12, r13;
};

/* @fn: leaf | version << 16. Returns RAX; @args holds the registers after the call. */
u64 seam_call(u64 fn, struct seam_args *args);

static inline bool seam_is_busy(u64 status)
{
	return (status & SEAM_STATUS_MASK) == SEAM_OPERAND_BUSY;
}

static inline bool seam_is_error(u64 status)
{
	return status & SEAM_ERROR;
}

/* Traces exist of the 1.5 ones; 2.0.08 is as its published text reads. */
enum seam_generation { SEAM_1_5_01, SEAM_1_5_25, SEAM_2_0_08, SEAM_NR_GENERATIONS };

struct seam_config {
	enum seam_generation generation;
	bool dynamic_pamt;		/* from 1.5.25 on */
	u64 tdmr_base, tdmr_size;	/* one TDMR, base 1 GiB aligned, no reserved areas */
	unsigned int nr_packages;	/* 0 = 1 */
	unsigned int nr_tds;		/* TDs alive at once, 0 = 32 */
	unsigned int nr_vcpus;		/* vCPUs alive at once, 0 = 256 */
	unsigned int nr_sept_tables;	/* shadow S-EPT tables, 4 KiB each, 0 = 2048 */
	/*
	 * Violation checks that cost the caller time. Off for timed runs.
	 * Content: fill each page handed over with a pattern (4 KiB of stores),
	 * compare it when the page comes back: finds stray writes. Caches:
	 * want seam_page_flushed() before and WBINVD after the module owned a page.
	 */
	bool check_content;
	bool check_caches;
};

/*
 * The module anew, all memory free; what calls cost and what is injected stays as
 * it is. 0, -EINVAL, -EBUSY, -ENOMEM.
 */
int seam_init(const struct seam_config *config);
void seam_exit(void);

/* Modelled time: @transition_ns outside, @body_ns inside the locks. */
struct seam_cost {
	u32 transition_ns, body_ns;
};

/*
 * @leaf: a name as in "PAGE.AUG.4K", or "DEFAULT" (leaves never set) or "BUSY"
 * (all of a refused call, no lock held). 0 or -ENOENT. Not while calls run.
 */
int seam_set_cost(const char *leaf, struct seam_cost cost);
/* While it rests, calls take no time: for what is not measured. Between calls only. */
void seam_costs_rest(bool rest);
/*
 * The time of a call on @leaf is drawn between @min_ns and @max_ns, the sum of
 * its cost being the mean. After seam_set_cost(). 0, -ENOENT or -EINVAL.
 */
int seam_set_spread(const char *leaf, u32 min_ns, u32 max_ns, u64 seed);
/* "<leaf> <transition_ns> <body_ns> [<min_ns> <max_ns>]". 0, -ENOENT or -EINVAL. */
int seam_cost_line(const char *line);
void seam_reset_costs(void);
/* Name of cost and statistics row @i in 0, 1, ...; NULL after the last one. */
const char *seam_leaf_name(unsigned int i);

void seam_walk_stats(void (*fn)(void *ctx, const char *leaf, u64 status, u64 n), void *ctx);
void seam_reset_stats(void);

/*
 * Custody. The caller says what it does with its pages, the model knows what
 * it may do. seam_page_freed() goes where the caller gives a page back to its
 * allocator, seam_page_flushed() where it flushes the lines of a page,
 * seam_page_touched() into a fault handler that sees an access.
 */
bool seam_page_owned(u64 pa);
void seam_page_flushed(u64 pa);
void seam_page_freed(u64 pa);
void seam_page_touched(u64 pa);

/* What the real module would not report: it fails the run, it is never a status. */
enum seam_violation_kind {
	SEAM_FREED_WHILE_OWNED,
	SEAM_TOUCHED_WHILE_OWNED,
	SEAM_NOT_FLUSHED,
	SEAM_NOT_WRITTEN_BACK,
	SEAM_LEAK,
	SEAM_PAMT_REMOVE_OVERLAP,
	SEAM_MODULE_HALT,
	SEAM_MODEL_LIMIT,
	SEAM_NR_VIOLATION_KINDS,
};

struct seam_violation {
	enum seam_violation_kind kind;
	u64 pa;				/* the page */
	u64 owner, other;		/* TDR of the owner and of the offender, or SEAM_NULL_PA */
	const char *owner_leaf, *other_leaf;	/* row names, or NULL */
	unsigned long owner_site, other_site;	/* callers of seam_*(), or 0 */
	u64 info;			/* offset in the page, or number of pages, by kind */
};

unsigned int seam_nr_violations(void);	/* all, also those the log had no room for */
void seam_walk_violations(void (*fn)(void *ctx, const char *kind, const char *detail), void *ctx);
const char *seam_violation_name(enum seam_violation_kind kind);
/* Records a leak for what the module still holds; returns the number of pages. */
u64 seam_check_leaks(void);
/*
 * Not wrong, but what a pair's reference count is to prevent: pages refused for
 * a missing pair in a region that had one before.
 */
u64 seam_nr_lost_pairs(void);

/*
 * Events a real machine has and a model must make: each is drawn per call with
 * probability @rate / 2^32 from a generator seeded by @seed. Rate 0 = never.
 */
enum seam_event {
	SEAM_EVENT_INTERRUPT,		/* DEMOTE, PROMOTE, CACHE.WB */
	SEAM_EVENT_NO_ENTROPY,		/* MNG.CREATE */
	SEAM_EVENT_KEY_ENGINE_BUSY,	/* MNG.KEY.CONFIG */
	SEAM_EVENT_KEY_GENERATION,	/* MNG.KEY.CONFIG */
	SEAM_EVENT_TREE_CONTENDED,	/* DEMOTE, PROMOTE of 1.5.25 */
	SEAM_EVENT_BUSY,		/* memory leaves, TRACK, PAMT.ADD: a lock is taken */
	SEAM_NR_EVENTS,
};

void seam_inject(enum seam_event event, u32 rate, u64 seed);

/*
 * @refuse is asked at every point where a call that Linux expects to be BUSY at
 * times may be so; true refuses it there. NULL: nobody is asked. Not while calls run.
 */
void seam_refuse(bool (*refuse)(const char *leaf, unsigned long site));

/* The guest's side, for actors: a vCPU in the TD named by its TDR, an ACCEPT. */
u64 seam_guest_enter(u64 tdr, u64 *epoch);
void seam_guest_exit(u64 tdr, u64 epoch);
u64 seam_guest_zero_step(u64 tdr, u32 ns);
u64 seam_guest_accept(u64 tdr, u64 gpa);	/* @gpa: GPA | level */

#endif
