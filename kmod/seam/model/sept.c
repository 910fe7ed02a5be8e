// SPDX-License-Identifier: GPL-2.0-only
/*
 * Secure EPT: shadow tables, the walk, entry locks and the details a failing
 * leaf reports. The caller's table page is never read.
 */
#include "call.h"

#define NEXT_MASK	0xffffffffULL

/*
 * Free list of shadow tables: a stack whose head carries a tag, so that a
 * table popped and pushed between load and exchange is noticed.
 */
u32 seam_table_alloc(void)
{
	u64 old = READ_ONCE(seam.free_tables), new;
	u32 first;

	do {
		first = old & NEXT_MASK;
		if (first == SEAM_NONE)
			return SEAM_NONE;
		new = ((old | NEXT_MASK) + 1) | READ_ONCE(seam.next_table[first]);
	} while (!try_cmpxchg(&seam.free_tables, &old, new));

	memset(&seam.tables[first], 0, sizeof(seam.tables[first]));
	BUILD_BUG_ON(ST_FREE != 0);
	return first;
}

void seam_table_free(u32 table)
{
	u64 old = READ_ONCE(seam.free_tables), new;

	do {
		WRITE_ONCE(seam.next_table[table], (u32)(old & NEXT_MASK));
		new = ((old | NEXT_MASK) + 1) | table;
	} while (!try_cmpxchg(&seam.free_tables, &old, new));
}

static unsigned int level_shift(u32 level)
{
	return SEAM_PAGE_SHIFT + level * SEAM_REGION_SHIFT;
}

/* RCX: GPA and level, private, aligned to the level, nothing else set. */
u64 seam_gpa_operand(struct seam_call *call, u32 min_level, u32 max_level)
{
	u64 rcx = call->in.rcx;

	call->level = rcx & 7;
	call->gpa = rcx & ~7ULL;
	if (call->level < min_level || call->level > max_level ||
	    (call->gpa & ((1ULL << level_shift(call->level)) - 1)) ||
	    call->gpa >= SEAM_SHARED_BIT)
		return SEAM_OPERAND_INVALID | SEAM_OP_RCX;
	return SEAM_SUCCESS;
}

static u64 *table_entry(u32 table, u64 gpa, u32 level)
{
	unsigned int i = (gpa >> level_shift(level)) % SEAM_TABLE_ENTRIES;

	return &seam.tables[table].entry[i];
}

/* The entry at @level, or the one above it where the walk ends, at level @stop. */
u64 *seam_sept_find(struct seam_td *td, u64 gpa, u32 level, u32 *stop)
{
	u64 *entry = table_entry(td->root, gpa, SEAM_ROOT_LEVEL);
	u32 l;

	for (l = SEAM_ROOT_LEVEL; l > level; l--) {
		/* Pairs with the exchange in seam_sept_set(): the table behind it is filled. */
		u64 value = smp_load_acquire(entry);

		if (sept_state(value) != ST_NL_MAPPED)
			break;
		entry = table_entry(seam_pamt_of(sept_pa(value))->object, gpa, l - 1);
	}
	*stop = l;
	return entry;
}

u64 seam_sept_walk(struct seam_call *call)
{
	call->walk.entry = seam_sept_find(call->td, call->gpa, call->level, &call->walk.level);
	if (call->walk.level != call->level)
		return seam_sept_fail(call, SEAM_EPT_WALK_FAILED | SEAM_OP_RCX);
	return SEAM_SUCCESS;
}

u64 seam_sept_lock_tree(struct seam_call *call, enum seam_hold how)
{
	if (seam_refused(call) || !seam_hold(call, &call->td->tree_lock, how))
		return SEAM_OPERAND_BUSY | SEAM_OP_SEPT_TREE;
	return SEAM_SUCCESS;
}

/*
 * PROMOTE under a shared tree can take the table away between walk and
 * lock. There its entries stay locked for good; a shadow table gets used again,
 * so look twice.
 */
static bool still_there(struct seam_call *call)
{
	u32 stop;

	return seam.traits->promote_exclusive ||
	       seam_sept_find(call->td, call->gpa, call->level, &stop) == call->walk.entry;
}

u64 seam_sept_lock_entry(struct seam_call *call)
{
	if (!seam_hold_entry(call, call->walk.entry) || !still_there(call))
		return seam_sept_fail(call, SEAM_OPERAND_BUSY | SEAM_OP_RCX);
	return SEAM_SUCCESS;
}

/* Steps 6 to 8: tree lock, walk, entry lock. */
u64 seam_sept_enter(struct seam_call *call, enum seam_hold tree)
{
	u64 status = seam_sept_lock_tree(call, tree);

	if (!status)
		status = seam_sept_walk(call);
	if (!status)
		status = seam_sept_lock_entry(call);
	return status;
}

#define EPT_WB_LEAF		0xf0ULL		/* write-back, ignore PAT, leaf */
#define EPT_SUPPRESS_VE		BIT_ULL(63)

/* The entry in architectural form, as the module shows it. */
static u64 architectural(u64 entry)
{
	u64 rights = seam.traits->rights;
	u8 state = sept_state(entry);

	switch (state) {
	case ST_FREE:
		return EPT_SUPPRESS_VE;
	case ST_NL_MAPPED:
		return rights;
	case ST_NL_BLOCKED:
	case ST_REMOVED:
		return 0;
	case ST_MAPPED:
		return EPT_SUPPRESS_VE | EPT_WB_LEAF | rights | sept_pa(entry);
	default:
		return EPT_SUPPRESS_VE | EPT_WB_LEAF | sept_pa(entry);
	}
}

/* RCX and RDX: the entry where the walk stopped. */
void seam_sept_details(struct seam_call *call)
{
	u64 entry = READ_ONCE(*call->walk.entry);

	call->out->rcx = architectural(entry);
	call->out->rdx = call->walk.level | (u64)sept_state(entry) << 8;
}

u64 seam_sept_fail(struct seam_call *call, u64 status)
{
	seam_sept_details(call);
	return status;
}

/* Under the entry lock, which stays. */
void seam_sept_set(u64 *entry, u8 state, u64 pa)
{
	u64 old = READ_ONCE(*entry), new;

	/* A guest or host call that fails the lock sets the host-priority bit meanwhile. */
	do {
		new = (old & (SEPT_LOCK | SEPT_HOST_PRIORITY)) | state | pa;
	} while (!try_cmpxchg(entry, &old, new));
}
