// SPDX-License-Identifier: GPL-2.0-only
/*
 * Replay: runs one command a line, from a file or stdin, against the model and
 * answers on stdout. generator/seam turns traces into these lines and compares. Numbers
 * are hex; a page or TD is named by its physical address.
 *
 *	R generation dpamt packages regions	a new module
 *	C fn rcx rdx r8 r9 r10 r11 r12 r13 events package [lock...]
 *		-> rax rcx rdx r8 r9 r10 r11 r12 r13
 *	   lock: tdr|tree|op|epo|p2|p4|p4w:address:s|x, ent:tdr:gpa|level:x, kot:0:s|x
 *	I tdr | V tdr n | E tdr (-> epoch) | X tdr epoch | A tdr gpa
 *	O tdr op_state | S tdr gpa state | F tdr fatal
 *	D -> the state, one item a line, then "."
 *
 * A pseudo-step that fits nothing does nothing: the comparison that follows
 * tells, and the replay goes on.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "host.h"

#define SPACE " \t\r\n"

static struct seam_call actor;	/* the other actor: holds locks, makes no call */

static void fail(const char *what, const char *line)
{
	fprintf(stderr, "replay: %s: %s\n", what, line);
	exit(2);
}

static struct seam_td *td_of(u64 tdr)
{
	struct seam_pamt *pamt = seam_pamt_of(tdr);

	return pamt->type == PT_TDR ? &seam.tds[pamt->object] : NULL;
}

static void hold(atomic_t *lock, bool exclusive)
{
	if (!seam_hold(&actor, lock, exclusive ? HOLD_EXCLUSIVE : HOLD_SHARED))
		fail("lock not free", "");
}

static void hold_pamt(u64 pa, bool walk, bool exclusive)
{
	if (walk) {
		hold(&seam_gig_of(pa)->lock, false);
		hold(&seam_region_of(pa)->pamt.lock, false);
	}
	hold(&seam_pamt_of(pa)->lock, exclusive);
}

/* The guest's walk, with translations from before a block: blocked tables do not stop it. */
static u64 *find_entry(u64 tdr, u64 gpa)
{
	struct seam_td *td = td_of(tdr);
	u32 level = SEAM_ROOT_LEVEL;
	u64 *entry;
	u32 table;

	if (!td || td->root == SEAM_NONE)
		return NULL;
	for (table = td->root;; table = seam_pamt_of(sept_pa(*entry))->object) {
		entry = &seam.tables[table].entry[gpa >> (12 + level * 9) & 511];
		if (level == (gpa & 7))
			return entry;
		if (!sept_is_table(sept_state(*entry)))
			return NULL;
		level--;
	}
}

static void hold_entry(u64 tdr, u64 gpa)
{
	u64 *entry = find_entry(tdr, gpa);

	if (entry && !seam_hold_entry(&actor, entry))
		fail("entry not free", "");
}

static void take_td_lock(const char *name, u64 tdr, bool exclusive)
{
	struct seam_td *td = td_of(tdr);

	if (!td)
		return;
	if (!strcmp(name, "tree"))
		hold(&td->tree_lock, exclusive);
	else if (!strcmp(name, "op"))
		hold(&td->op_lock, exclusive);
	else if (!strcmp(name, "epo"))
		hold(&td->epoch_lock, exclusive);
	else
		fail("unknown lock", name);
}

static void take_lock(char *spec)
{
	char *save, *name = strtok_r(spec, ":", &save);
	u64 pa = strtoull(strtok_r(NULL, ":", &save), NULL, 16);
	char *arg = strtok_r(NULL, ":", &save);
	bool exclusive = *arg == 'x';

	if (!strcmp(name, "kot")) {
		hold(&seam.kot_lock, exclusive);
	} else if (!strcmp(name, "ent")) {
		hold_entry(pa, strtoull(arg, NULL, 16));
	} else if (!strcmp(name, "p2")) {
		hold(&seam_gig_of(pa)->lock, false);
		hold(&seam_region_of(pa)->pamt.lock, exclusive);
	} else if (!strcmp(name, "p4")) {
		hold_pamt(pa, false, exclusive);
	} else if (!strcmp(name, "p4w") || !strcmp(name, "tdr")) {
		hold_pamt(pa, true, exclusive);
	} else {
		take_td_lock(name, pa, exclusive);
	}
}

static u64 number(char **save)
{
	char *token = strtok_r(NULL, SPACE, save);

	if (!token)
		fail("operand missing", "");
	return strtoull(token, NULL, 16);
}

static void reset(char **save)
{
	struct seam_config config = { .nr_sept_tables = 1024, .nr_tds = 64 };
	u64 regions;

	config.generation = number(save);
	config.dynamic_pamt = number(save);
	config.nr_packages = number(save);
	regions = number(save);
	config.tdmr_size = (u64)regions * SEAM_REGION_PAGES * SEAM_PAGE_SIZE;
	seam_exit();
	seam_force_events(0);
	if (seam_init(&config))
		fail("seam_init", "");
}

static void call(char **save)
{
	struct seam_args a;
	u64 fn = number(save), status;
	u64 *r = &a.rcx;
	unsigned int i;
	char *spec;

	for (i = 0; i < 8; i++)
		r[i] = number(save);
	seam_force_events(number(save));
	seam_force_package(number(save));
	while ((spec = strtok_r(NULL, SPACE, save)))
		take_lock(spec);
	status = seam_call(fn, &a);
	seam_release_all(&actor);
	printf("%016llx", status);
	for (i = 0; i < 8; i++)
		printf(" %016llx", r[i]);
	printf("\n");
}

static void set_entry(u64 tdr, u64 gpa, u8 state)
{
	u64 *entry = find_entry(tdr, gpa);

	if (entry)
		seam_sept_set(entry, state, sept_pa(READ_ONCE(*entry)));
}

static void pseudo(char op, char **save)
{
	u64 tdr = number(save), gpa, epoch = 0;
	struct seam_td *td = td_of(tdr);

	if (op == 'E') {
		seam_guest_enter(tdr, &epoch);
		printf("%llx\n", epoch);
	}
	if (!td)
		return;
	switch (op) {
	case 'E':
		break;
	case 'I':
		if (seam_td_init_state(td))
			fail("no table", "");
		break;
	case 'V':
		atomic_set(&td->nr_vcpus_ready, number(save));
		break;
	case 'X':
		seam_guest_exit(tdr, number(save));
		break;
	case 'A':
		set_entry(tdr, number(save), ST_MAPPED);
		break;
	case 'O':
		td->op_state = number(save);
		break;
	case 'S':
		gpa = number(save);
		set_entry(tdr, gpa, number(save));
		break;
	case 'F':
		td->fatal = number(save);
		break;
	default:
		fail("unknown command", "");
	}
}

static void dump_page(u64 pa, const struct seam_pamt *pamt, int size)
{
	if (pamt->type == PT_NDA || pamt->type == PT_PAMT)
		return;
	printf("pm %llx %x %llx %x\n", pa, pamt->type,
	       pamt->type == PT_TDR ? SEAM_NULL_PA : (u64)pamt->owner << SEAM_PAGE_SHIFT, size);
}

static void dump_region(u64 index)
{
	const struct seam_region *region = &seam.regions[index];
	u64 i, first = index * SEAM_REGION_PAGES;

	dump_page(first << SEAM_PAGE_SHIFT, &region->pamt, 1);
	if (region->pamt.type == PT_PAMT)
		printf("pp %llx %x %x %x\n", index, region->pair[0], region->pair[1],
		       atomic_read(&region->used));
	if (!atomic_read(&region->used) && !atomic_read(&region->pamt_pages))
		return;
	for (i = first; i < first + SEAM_REGION_PAGES; i++) {
		dump_page(i << SEAM_PAGE_SHIFT, &seam.pages[i], 0);
		if (seam.pages[i].pamt_page)
			printf("bm %llx\n", i);
	}
}

static void dump_entry(const struct seam_td *td, u64 gpa, u32 level, u64 entry)
{
	u8 state = sept_state(entry);
	u64 bepoch = 0;

	if (state == ST_BLOCKED || state == ST_PENDING_BLOCKED || state == ST_NL_BLOCKED)
		bepoch = seam_pamt_at(sept_pa(entry),
				      sept_is_table(state) ? 0 : level)->bepoch;
	printf("se %llx %llx %x %x %llx %llx\n", (u64)td->tdr << SEAM_PAGE_SHIFT,
	       gpa >> SEAM_PAGE_SHIFT, level, state, sept_pa(entry), bepoch);
}

/* Depth is at most 4. */
static void dump_table(const struct seam_td *td, u32 table, u64 gpa, u32 level)
{
	unsigned int i;

	for (i = 0; i < SEAM_TABLE_ENTRIES; i++) {
		u64 entry = seam.tables[table].entry[i];
		u64 at = gpa | (u64)i << (SEAM_PAGE_SHIFT + level * SEAM_REGION_SHIFT);

		if (sept_state(entry) == ST_FREE)
			continue;
		dump_entry(td, at, level, entry);
		if (sept_is_table(sept_state(entry)))
			dump_table(td, seam_pamt_of(sept_pa(entry))->object, at, level - 1);
	}
}

static void dump(void)
{
	unsigned int i;

	for (i = 0; i < seam.nr_regions; i++)
		dump_region(i);
	for (i = 0; i < seam.config.nr_tds; i++) {
		struct seam_td *td = &seam.tds[i];

		if (!atomic_read(&td->in_use))
			continue;
		printf("td %llx %x %x %llx %x %llx %x %x\n", (u64)td->tdr << SEAM_PAGE_SHIFT,
		       td->life_cycle, td->nr_tdcx, (u64)atomic64_read(&td->children),
		       td->op_state, td->epoch, atomic_read(&td->entered[0]),
		       atomic_read(&td->entered[1]));
		if (td->life_cycle != LC_TEARDOWN && td->root != SEAM_NONE)
			dump_table(td, td->root, 0, SEAM_ROOT_LEVEL);
	}
	printf(".\n");
}

int main(int argc, char **argv)
{
	char line[4096], *save, *op;
	FILE *commands = argc > 1 ? fopen(argv[1], "r") : stdin;

	if (!commands)
		fail("cannot read", argv[1]);
	while (fgets(line, sizeof(line), commands)) {
		op = strtok_r(line, SPACE, &save);
		if (!op)
			continue;
		switch (*op) {
		case 'R':
			reset(&save);
			break;
		case 'C':
			call(&save);
			break;
		case 'D':
			dump();
			break;
		default:
			pseudo(*op, &save);
		}
	}
	seam_exit();
	return 0;
}
