// SPDX-License-Identifier: GPL-2.0-only
/* Violations: what the real module does not report, and the limits of the model. */
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

#include "selftest.h"

/* The log's entries; whether the last one is of a kind and has two words. */
static struct {
	unsigned int n;
	char kind[32];
} logged;

char last_detail[256];

static void remember(void *unused, const char *kind, const char *detail)
{
	logged.n++;
	snprintf(logged.kind, sizeof(logged.kind), "%s", kind);
	snprintf(last_detail, sizeof(last_detail), "%s", detail);
}

static bool last_violation(enum seam_violation_kind kind, const char *word, const char *word2)
{
	memset(&logged, 0, sizeof(logged));
	seam_walk_violations(remember, NULL);
	return logged.n && !strcmp(logged.kind, seam_violation_name(kind)) &&
	       strstr(last_detail, word) && strstr(last_detail, word2);
}

static void freed_while_mapped(void)
{
	start(false, false);
	EXPECT(!aug(0));
	EXPECT(seam_page_owned(GUEST));
	seam_page_freed(GUEST + PAGE(1));
	EXPECT(!seam_nr_violations());
	seam_page_freed(GUEST);
	EXPECT(seam_nr_violations() == 1);
	EXPECT(last_violation(SEAM_FREED_WHILE_OWNED, "page 0x40000 ",
			      "had by PAGE.AUG.4K of TD 0x0 "));
	EXPECT(strstr(last_detail, ", now the host from "));
}

static void freed_under_2m_page(void)
{
	start(false, false);
	EXPECT(!scene_call(SEAM_MEM_PAGE_AUG, REGION(1) | 1, td.tdr, BIG, 0));
	EXPECT(seam_page_owned(BIG + PAGE(511)));
	seam_page_freed(BIG + PAGE(511));
	EXPECT(last_violation(SEAM_FREED_WHILE_OWNED, "page 0x9ff000", "PAGE.AUG.2M"));
}

static void freed_as_pamt_page(void)
{
	start(false, false);
	seam_page_freed(PAIRS);
	EXPECT(last_violation(SEAM_FREED_WHILE_OWNED, "page 0x200000", "PAMT.ADD"));
	EXPECT(!scene_call(SEAM_PHYMEM_PAMT_ADD, BIG | 1, PAIRS + PAGE(2), PAIRS + PAGE(3), 0));
	EXPECT(!scene_call(SEAM_PHYMEM_PAMT_REMOVE, BIG | 1, 0, 0, 0));
	seam_page_freed(PAIRS + PAGE(2));
	EXPECT(seam_nr_violations() == 1);
}

static sigjmp_buf fault;

static void on_fault(int signal, siginfo_t *info, void *unused)
{
	seam_page_touched((u64)((char *)info->si_addr - arena) & ~(SEAM_PAGE_SIZE - 1));
	siglongjmp(fault, 1);
}

static void touch(u64 pa, bool write)
{
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO }, old;

	sigaction(SIGSEGV, &action, &old);
	if (!sigsetjmp(fault, 1)) {
		if (write)
			WRITE_ONCE(arena[pa], 1);
		else
			READ_ONCE(arena[pa]);
	}
	sigaction(SIGSEGV, &old, NULL);
}

static void read_while_owned(void)
{
	start(true, false);
	touch(GUEST, false);
	EXPECT(!seam_nr_violations());
	EXPECT(!aug(0));
	touch(GUEST, false);
	EXPECT(last_violation(SEAM_TOUCHED_WHILE_OWNED, "page 0x40000 ", "PAGE.AUG.4K of TD 0x0"));
	touch(td.next - PAGE(1), true);
	EXPECT(last_violation(SEAM_TOUCHED_WHILE_OWNED, "had by SEPT.ADD", "now the host"));
	EXPECT(!unmap(0));
	touch(GUEST, true);
	EXPECT(seam_nr_violations() == 2);
}

/* As in the kernel, where nothing faults: the pattern tells at hand-back. */
static void written_while_owned(void)
{
	start(true, false);
	EXPECT(!aug(0));
	mprotect(arena + GUEST, SEAM_PAGE_SIZE, PROT_READ | PROT_WRITE);
	arena[GUEST + 72] ^= 1;
	EXPECT(!unmap(0));
	EXPECT(last_violation(SEAM_TOUCHED_WHILE_OWNED, "at offset 72", "now PAGE.REMOVE of TD"));
}

static void not_flushed(void)
{
	start(false, true);
	seam_page_flushed(GUEST);
	EXPECT(!aug(0) && !seam_nr_violations());
	EXPECT(!aug(1));
	EXPECT(last_violation(SEAM_NOT_FLUSHED, "page 0x41000", "now PAGE.AUG.4K of TD 0x0"));
	/* A mark is used up: given again, the page must be flushed again. */
	EXPECT(!unmap(0) && !wbinvd(0) && !aug(0));
	EXPECT(seam_nr_violations() == 2);
}

static void not_written_back(void)
{
	start(false, true);
	seam_page_flushed(GUEST);
	EXPECT(!aug(0) && !unmap(0));
	seam_page_freed(GUEST);
	EXPECT(last_violation(SEAM_NOT_WRITTEN_BACK, "had by PAGE.REMOVE", "now the host"));
	seam_page_flushed(GUEST);
	EXPECT(!aug(0) && !unmap(0));
	seam_page_flushed(GUEST);
	EXPECT(!aug(0));
	EXPECT(last_violation(SEAM_NOT_WRITTEN_BACK, "had by PAGE.REMOVE", "now PAGE.AUG.4K"));
	EXPECT(!unmap(0) && !wbinvd(0));
	seam_page_freed(GUEST);
	EXPECT(seam_nr_violations() == 2);
}

static void tdr_needs_write_back_too(void)
{
	start(false, true);
	seam.config.check_caches = true;
	scene_must(SEAM_MNG_VPFLUSHDONE, td.tdr, 0, 0, 0);
	scene_must(SEAM_PHYMEM_CACHE_WB, 0, 0, 0, 0);
	scene_must(SEAM_MNG_KEY_FREEID, td.tdr, 0, 0, 0);
	for (td.next -= PAGE(1); td.next > td.tdr; td.next -= PAGE(1)) {
		scene_must(SEAM_PHYMEM_PAGE_RECLAIM, td.next, 0, 0, 0);
		seam_page_freed(td.next);
	}
	EXPECT(!seam_nr_violations());
	scene_must(SEAM_PHYMEM_PAGE_RECLAIM, td.tdr, 0, 0, 0);
	seam_page_freed(td.tdr);
	EXPECT(last_violation(SEAM_NOT_WRITTEN_BACK, "page 0x0 ", "had by RECLAIM"));
}

static void leak_is_named(void)
{
	start(false, false);
	EXPECT(!aug(0) && !aug(1));
	/* TDR, 6 TDCX, 3 tables, 2 guest pages, 2 PAMT pages */
	EXPECT(seam_check_leaks() == 14);
	EXPECT(last_violation(SEAM_LEAK, "page 0x200000, 2 pages", "PAMT.ADD"));
	EXPECT(!unmap(0) && !unmap(1));
	scene_td_end(&td, CONTROL);
	scene_must(SEAM_PHYMEM_PAMT_REMOVE, REGION(0) | 1, 0, 0, 0);
	EXPECT(!seam_check_leaks());
}

static void misuse_is_a_status_not_a_violation(void)
{
	start(false, false);
	EXPECT(!aug(0));
	EXPECT(aug(0) == (SEAM_EPT_ENTRY_STATE_INCORRECT | SEAM_OP_RCX));
	EXPECT(wbinvd(0) == (SEAM_PAGE_METADATA_INCORRECT | SEAM_OP_RCX));
	EXPECT(scene_call(SEAM_MEM_PAGE_AUG, PAGE(1), td.tdr, BIG, 0) ==
	       (SEAM_MISSING_PAMT_PAGE_PAIR | SEAM_OP_R8));
	EXPECT(!seam_nr_violations());
}

static void module_halts(void)
{
	u64 *entry;
	u32 stop;

	start(false, false);
	entry = seam_sept_find(&seam.tds[seam_pamt_of(td.tdr)->object], PAGE(5), 0, &stop);
	EXPECT(seam_entry_trylock(entry));
	EXPECT(scene_call(SEAM_MEM_PAGE_ADD, PAGE(5), td.tdr, GUEST, 0) == SEAM_SW_HALTED);
	EXPECT(last_violation(SEAM_MODULE_HALT, "page 0x40000", "PAGE.ADD of TD 0x0"));
	EXPECT(aug(0) == SEAM_SW_HALTED);
}

static void model_limit(void)
{
	u64 status = 0, i;

	start(false, false);
	for (i = 1; i < 32 && !status; i++)
		status = scene_call(SEAM_MEM_SEPT_ADD, REGION(i) | 1, td.tdr, GUEST + PAGE(i), 0);
	EXPECT(status == SEAM_SW_MODEL_LIMIT && i == 14);
	EXPECT(last_violation(SEAM_MODEL_LIMIT, "SEPT.ADD", "TD 0x0"));
	EXPECT(!seam_page_owned(GUEST + PAGE(13)));
}

static void log_overflow(void)
{
	int i;

	start(false, false);
	EXPECT(!aug(0));
	for (i = 0; i < 100; i++)
		seam_page_freed(GUEST);
	EXPECT(seam_nr_violations() == 100);
	EXPECT(last_violation(SEAM_FREED_WHILE_OWNED, "page", "TD") && logged.n == 64);
}

const struct selftest custody_tests[] = {
	{ "page freed while mapped", freed_while_mapped },
	{ "4K page of a 2M mapping freed", freed_under_2m_page },
	{ "PAMT page of an installed pair freed", freed_as_pamt_page },
	{ "page read while owned", read_while_owned },
	{ "page written while owned", written_while_owned },
	{ "page handed over with dirty lines", not_flushed },
	{ "page used again without write-back", not_written_back },
	{ "TDR freed without write-back", tdr_needs_write_back_too },
	{ "leak at the end", leak_is_named },
	{ "what the module reports is no violation", misuse_is_a_status_not_a_violation },
	{ "module that halts answers no more", module_halts },
	{ "model too small", model_limit },
	{ "more violations than the log holds", log_overflow },
	{ NULL },
};
