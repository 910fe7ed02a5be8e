/* SPDX-License-Identifier: GPL-2.0-only */
/* A call in progress, and what the files of the model have for each other. */
#ifndef EXTSPT_SEAM_CALL_H
#define EXTSPT_SEAM_CALL_H

#include "state.h"

/* Cost and statistics rows; the table of names is in costs.c. */
enum seam_row {
	ROW_SEPT_ADD, ROW_PAGE_ADD, ROW_AUG_4K, ROW_AUG_2M, ROW_BLOCK, ROW_UNBLOCK, ROW_TRACK,
	ROW_REMOVE, ROW_SEPT_REMOVE, ROW_SEPT_RD, ROW_DEMOTE, ROW_PROMOTE, ROW_PAMT_ADD,
	ROW_PAMT_REMOVE, ROW_RECLAIM, ROW_WBINVD, ROW_CREATE, ROW_KEY_CONFIG, ROW_ADDCX,
	ROW_MNG_INIT, ROW_VP_CREATE, ROW_VP_ADDCX, ROW_VP_INIT, ROW_VP_FLUSH, ROW_FINALIZE,
	ROW_VPFLUSHDONE, ROW_CACHE_WB, ROW_KEY_FREEID, ROW_DEFAULT, ROW_BUSY,
	NR_ROWS,
};

/* One lock a call holds. */
enum seam_hold { HOLD_SHARED, HOLD_EXCLUSIVE, HOLD_ENTRY, HOLD_REMOVAL };

struct seam_held {
	void *lock;
	enum seam_hold how;
};

#define SEAM_MAX_HELD	20

struct seam_walk {
	u64 *entry;			/* where the walk stopped */
	u32 level;
};

/* A call in progress. Locks stay held until the modelled time of the body is over. */
struct seam_call {
	struct seam_args in;
	struct seam_args *out;
	const struct seam_leaf_desc *leaf;
	unsigned int version;
	bool alone;			/* SEAM_ALONE */
	enum seam_row row;
	unsigned long site;
	struct seam_td *td;
	struct seam_pamt *tdr;
	struct seam_walk walk;
	u64 gpa;
	u32 level;
	unsigned int nr_held;
	struct seam_held held[SEAM_MAX_HELD];
};

/* locks.c */
bool seam_try_shared(atomic_t *lock);
bool seam_try_exclusive(atomic_t *lock);
void seam_unlock_shared(atomic_t *lock);
void seam_unlock_exclusive(atomic_t *lock);
bool seam_entry_trylock(u64 *entry);
void seam_entry_unlock(u64 *entry);
bool seam_hold(struct seam_call *call, atomic_t *lock, enum seam_hold how);
bool seam_promote(struct seam_call *call);
bool seam_hold_entry(struct seam_call *call, u64 *entry);
void seam_hold_removal(struct seam_call *call, struct seam_region *region);
void seam_release_all(struct seam_call *call);
void seam_release_to(struct seam_call *call, unsigned int nr_held);

/* pamt.c */
struct seam_pamt *seam_pamt_at(u64 pa, u32 level);
u64 seam_pamt_walk(struct seam_call *call, u64 pa, enum seam_hold how, u64 operand,
		   struct seam_pamt **pamt, u32 *level);
u64 seam_get_free_page(struct seam_call *call, u64 pa, u64 operand, struct seam_pamt **pamt);
u64 seam_get_free_region(struct seam_call *call, u64 pa, u64 operand, struct seam_region **region);
void seam_assign_page(struct seam_call *call, struct seam_pamt *pamt, u64 pa, u8 type,
		      u32 owner, u32 object);
bool seam_release_page(struct seam_call *call, struct seam_pamt *pamt, u64 pa);
void seam_assign_region(struct seam_call *call, struct seam_region *region, u64 pa, u32 owner);
void seam_release_region(struct seam_call *call, struct seam_region *region, u64 pa);

/* pamt_leaves.c */
u64 seam_check_pair(const u64 *pair, const u8 *operands);
u64 seam_take_pair(struct seam_call *call, struct seam_region *region, const u64 *pair,
		   const u8 *operands);
void seam_install_pair(struct seam_call *call, struct seam_region *region, const u64 *pair);
void seam_remove_pair(struct seam_call *call, struct seam_region *region, u64 *pair);

/* td.c */
u64 seam_td_prologue(struct seam_call *call);
u64 seam_td_get(struct seam_call *call, u64 pa, u64 operand, enum seam_hold how);
u64 seam_td_checks(struct seam_call *call, unsigned int flags);
u64 seam_op_state_check(struct seam_call *call, u16 op_states);
bool seam_tracking_required(const struct seam_td *td);
bool seam_tracked(const struct seam_td *td, u64 bepoch);

/* sept.c */
u32 seam_table_alloc(void);
void seam_table_free(u32 table);
u64 seam_gpa_operand(struct seam_call *call, u32 min_level, u32 max_level);
u64 seam_sept_walk(struct seam_call *call);
u64 seam_sept_lock_tree(struct seam_call *call, enum seam_hold how);
u64 seam_sept_lock_entry(struct seam_call *call);
u64 seam_sept_fail(struct seam_call *call, u64 status);
void seam_sept_details(struct seam_call *call);
u64 *seam_sept_find(struct seam_td *td, u64 gpa, u32 level, u32 *stop);
u64 seam_sept_enter(struct seam_call *call, enum seam_hold tree);
void seam_sept_set(u64 *entry, u8 state, u64 pa);

/* mng.c */
int seam_td_init_state(struct seam_td *td);

/* mem_unmap.c */
u64 seam_check_tracked(struct seam_call *call, const struct seam_pamt *pamt);

/* costs.c */
struct seam_clock {
	bool spin;
	unsigned long flags;
	u64 start, total;
};

void seam_spend(u32 ns);
void seam_clock_enter(struct seam_clock *clock);
void seam_clock_body(struct seam_clock *clock, enum seam_row row);
void seam_clock_leave(struct seam_clock *clock, bool done);
extern const char *const seam_row_names[NR_ROWS];

/* stats.c */
int seam_stats_init(void);
void seam_stats_exit(void);
void seam_count(enum seam_row row, u64 status);

/* events.c */
u32 seam_draw(atomic64_t *state);
bool seam_event_happens(enum seam_event event);
bool seam_refuses(const struct seam_call *call);

/* A call may be refused at random or on demand. */
extern bool seam_refusing;

/* Where a lock is to be taken that another call may have. */
static inline bool seam_refused(const struct seam_call *call)
{
	return unlikely(READ_ONCE(seam_refusing)) && seam_refuses(call);
}

bool seam_tree_contended(struct seam_td *td);
void seam_force_events(u32 mask);	/* harness: exactly these, until told otherwise */
void seam_force_package(unsigned int package);
unsigned int seam_package_index(void);

/* violations.c */
void seam_violate(const struct seam_violation *violation);
u64 seam_tdr_of(const struct seam_pamt *pamt, u64 pa);
u64 seam_halt(struct seam_call *call, u64 pa);
u64 seam_limit(struct seam_call *call, u64 pa);
void seam_violate_call(struct seam_call *call, enum seam_violation_kind kind, u64 pa,
		       const struct seam_pamt *owner, u64 info);
void seam_violate_overlap(struct seam_call *call, struct seam_region *region, u64 pa);
void seam_reset_violations(void);
void seam_custody_take(struct seam_call *call, struct seam_pamt *pamt, u64 pa);
void seam_custody_return(struct seam_call *call, struct seam_pamt *pamt, u64 pa, bool write_back);
void seam_custody_written_back(u64 pa);

#endif /* EXTSPT_SEAM_CALL_H */
