// SPDX-License-Identifier: GPL-2.0-only

#include <linux/bitfield.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/string.h>

#include "lib/bare.h"
#include "lib/compat.h"
#include "lib/inject.h"
#include "lib/ledger.h"
#include "lib/stats.h"
#include "seam/seam.h"

/*
 * A page's line in the ledger is its page->private, which is free for the
 * owner of an order-0 page that is in no other subsystem's hands.
 */
#define PAGE_MAGIC	GENMASK(31, 16)
#define PAGE_CLASS	GENMASK(3, 0)
#define PAGE_ALLOCATOR	GENMASK(5, 4)	/* who allocated it */
#define PAGE_BELONGS	GENMASK(7, 6)	/* who may free it */
#define PAGE_CHARGED	BIT(8)
#define MAGIC		0x5e97

enum ledger_event {
	EVENT_ALLOCATED,
	EVENT_FREED,
	EVENT_CHARGED,
	EVENT_UNCHARGED,
	EVENT_CHARGED_FREED,
	EVENT_ATOMIC,
	EVENT_CROSS_FREED,
	EVENT_HANDED_OVER,
	NR_EVENTS
};

struct ledger_cpu {
	u64 events[NR_CLASSES][NR_OWNERS][NR_EVENTS];
	/* Of this CPU alone; with one CPU it is the truth, see ledger_read(). */
	s64 live[NR_CLASSES][NR_OWNERS];
	s64 peak[NR_CLASSES][NR_OWNERS];
};

/* Not DEFINE_PER_CPU: all modules of a kernel share 8 KiB (PERCPU_MODULE_RESERVE) of that. */
static struct ledger_cpu __percpu *ledger;
static atomic_t errors;

const char * const extspt_class_names[NR_CLASSES] = {
	[CLASS_UNASSIGNED]	= "unassigned",
	[CLASS_SEPT]		= "sept",
	[CLASS_PAMT]		= "pamt",
	[CLASS_MIRROR]		= "mirror",
	[CLASS_CONTROL]		= "control",
	[CLASS_GUEST]		= "guest",
};

const char * const extspt_owner_names[NR_OWNERS] = {
	[OWNER_KVM]	= "kvm",
	[OWNER_TDX]	= "tdx",
};

static void ledger_event(enum page_class class, enum page_owner allocator,
			 enum ledger_event event)
{
	extspt_cpu_inc(ledger->events[class][allocator][event]);
}

static void ledger_live(enum page_class class, enum page_owner allocator, int delta)
{
	s64 live = extspt_cpu_add_return(ledger->live[class][allocator], delta);

	if (live > this_cpu_read(ledger->peak[class][allocator]))
		extspt_cpu_write(ledger->peak[class][allocator], live);
}

/* False, and an error on record, for a page the ledger did not hand out. */
static bool ledger_knows(struct page *page)
{
	if (likely(FIELD_GET(PAGE_MAGIC, page_private(page)) == MAGIC))
		return true;
	atomic_inc(&errors);
	WARN_ONCE(1, "page %lx is not on the ledger", page_to_pfn(page));
	return false;
}

static void ledger_entered(struct page *page, enum page_class class, enum page_owner allocator)
{
	bool charged = page_private(page) & PAGE_CHARGED;

	ledger_event(class, allocator, EVENT_ALLOCATED);
	ledger_event(class, allocator, charged ? EVENT_CHARGED : EVENT_UNCHARGED);
	ledger_live(class, allocator, 1);
}

static void ledger_enter(struct page *page, enum page_class class, enum page_owner owner,
			 gfp_t gfp, const char *site)
{
	custody_alloc(page, class, owner, gfp, site);
	set_page_private(page, FIELD_PREP(PAGE_MAGIC, MAGIC) |
			       FIELD_PREP(PAGE_CLASS, class) |
			       FIELD_PREP(PAGE_ALLOCATOR, owner) |
			       FIELD_PREP(PAGE_BELONGS, owner) |
			       (gfp & __GFP_ACCOUNT ? PAGE_CHARGED : 0));
	ledger_entered(page, class, owner);
	if (!gfpflags_allow_blocking(gfp)) {
		ledger_event(class, owner, EVENT_ATOMIC);
		extspt_count(COUNT_GFP_ATOMIC);
	}
}

/* As __ledger_alloc(), in one call of the page allocator; the pages are freed one by one. */
struct page *__ledger_alloc_block(enum page_class class, enum page_owner owner, gfp_t gfp,
				  unsigned int order, const char *site)
{
	struct page *block = inject_fails(INJECT_ALLOC, site) ? NULL : alloc_pages(gfp, order);
	unsigned int i;

	if (!block)
		return NULL;
	if (order)
		split_page(block, order);
	if (extspt_bare_on())
		return block;
	for (i = 0; i < 1U << order; i++)
		ledger_enter(block + i, class, owner, gfp, site);
	extspt_count(COUNT_PAGE_ALLOCS);
	return block;
}

/**
 * __ledger_alloc() - allocate a page and enter it
 * @class: what it is for
 * @owner: subsystem it belongs to
 * @gfp: as for alloc_page(); __GFP_ACCOUNT decides whether it counts as charged
 * @site: the function that asks
 *
 * Sleeps if @gfp does. Return: the page, or NULL.
 */
struct page *__ledger_alloc(enum page_class class, enum page_owner owner, gfp_t gfp,
			    const char *site)
{
	return __ledger_alloc_block(class, owner, gfp, 0, site);
}

/* May be called from an RCU callback. @site: the function that frees. */
void __ledger_free(struct page *page, enum page_owner freer, const char *site)
{
	enum page_owner allocator;
	enum page_class class;
	unsigned long line;

	if (extspt_bare_on()) {
		__free_page(page);
		return;
	}
	if (!custody_free(page, freer, site) || !ledger_knows(page))
		return;
	line = page_private(page);
	class = FIELD_GET(PAGE_CLASS, line);
	allocator = FIELD_GET(PAGE_ALLOCATOR, line);
	if (seam_page_owned(page_to_phys(page))) {
		/* Leaked on purpose: the module still writes to it. */
		atomic_inc(&errors);
		WARN_ONCE(1, "freeing page %lx that the TDX module owns", page_to_pfn(page));
		return;
	}
	ledger_event(class, allocator, EVENT_FREED);
	if (line & PAGE_CHARGED)
		ledger_event(class, allocator, EVENT_CHARGED_FREED);
	if (FIELD_GET(PAGE_BELONGS, line) != freer)
		ledger_event(class, allocator, EVENT_CROSS_FREED);
	ledger_live(class, allocator, -1);
	extspt_count(COUNT_PAGE_FREES);
	seam_page_freed(page_to_phys(page));
	set_page_private(page, 0);
	__free_page(page);
}

/* A page off a list for more than one use has got its use: move its entry. */
void ledger_assign(struct page *page, enum page_class class)
{
	unsigned long line = page_private(page);
	enum page_class from = FIELD_GET(PAGE_CLASS, line);
	enum page_owner allocator = FIELD_GET(PAGE_ALLOCATOR, line);

	if (extspt_bare_on() || !ledger_knows(page) || from == class)
		return;
	extspt_cpu_dec(ledger->events[from][allocator][EVENT_ALLOCATED]);
	extspt_cpu_dec(ledger->events[from][allocator][line & PAGE_CHARGED ? EVENT_CHARGED :
									    EVENT_UNCHARGED]);
	custody_assign(page, class);
	ledger_live(from, allocator, -1);
	set_page_private(page, (line & ~PAGE_CLASS) | FIELD_PREP(PAGE_CLASS, class));
	ledger_entered(page, class, allocator);
}

/* The owner gives the page away for good, by the contract of the op it is in. */
void ledger_hand_over(struct page *page, enum page_owner to)
{
	unsigned long line = page_private(page);

	if (extspt_bare_on() || !ledger_knows(page) || FIELD_GET(PAGE_BELONGS, line) == to)
		return;
	custody_hand_over(page, to);
	ledger_event(FIELD_GET(PAGE_CLASS, line), FIELD_GET(PAGE_ALLOCATOR, line),
		     EVENT_HANDED_OVER);
	set_page_private(page, (line & ~PAGE_BELONGS) | FIELD_PREP(PAGE_BELONGS, to));
}

unsigned long ledger_detach(struct page *page)
{
	unsigned long entry = page_private(page);

	set_page_private(page, 0);
	return entry;
}

void ledger_attach(struct page *page, unsigned long entry)
{
	set_page_private(page, entry);
}

int ledger_init(void)
{
	ledger = alloc_percpu(struct ledger_cpu);
	return ledger ? 0 : -ENOMEM;
}

void ledger_exit(void)
{
	free_percpu(ledger);
}

/* Only while no page is out: what is live is not forgotten otherwise. */
void ledger_reset(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		memset(per_cpu_ptr(ledger, cpu), 0, sizeof(struct ledger_cpu));
	atomic_set(&errors, 0);
}

/*
 * The peak is the sum of the CPUs' own peaks: exact with one CPU (the boot for
 * counts), an upper bound with more. A shared counter would be exact with any
 * number, and would add the very contention that is being measured.
 */
void ledger_read(enum page_class class, enum page_owner owner, struct ledger_line *line)
{
	const u64 *events;
	int cpu;

	memset(line, 0, sizeof(*line));
	for_each_possible_cpu(cpu) {
		events = per_cpu_ptr(ledger, cpu)->events[class][owner];
		line->allocated += events[EVENT_ALLOCATED];
		line->freed += events[EVENT_FREED];
		line->charged += events[EVENT_CHARGED];
		line->uncharged += events[EVENT_UNCHARGED];
		line->charged_live += events[EVENT_CHARGED] - events[EVENT_CHARGED_FREED];
		line->atomic_fallback += events[EVENT_ATOMIC];
		line->cross_freed += events[EVENT_CROSS_FREED];
		line->handed_over += events[EVENT_HANDED_OVER];
		line->peak += max_t(s64, per_cpu_ptr(ledger, cpu)->peak[class][owner], 0);
	}
}

/* Pages freed twice, freed by the wrong hands' pointer, or still the module's. */
unsigned int ledger_errors(void)
{
	return atomic_read(&errors);
}
