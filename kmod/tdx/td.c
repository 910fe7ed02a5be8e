// SPDX-License-Identifier: GPL-2.0-only

#include <linux/idr.h>
#include <linux/mutex.h>
#include <linux/pfn.h>

#include "strategy.h"
#include "tdx/tdh.h"

/* The key ids of the module model: the module's own (tdx_global_keyid), and those for TDs. */
#define GLOBAL_HKID	32
#define FIRST_HKID	33
#define LAST_HKID	63

/* As tdx_guest_keyid_pool. */
static DEFINE_IDA(hkid_pool);

/*
 * As upstream's tdx_lock: the leaves that work on the module's table of key ids
 * do not wait for each other, so that TDs made or torn down together get BUSY.
 */
static DEFINE_MUTEX(tdx_lock);

static bool seam_checks;

static int seam_start(bool check)
{
	struct seam_config config = {
		.generation	= SEAM_1_5_25,
		.dynamic_pamt	= pamt_install_dynamic(),
		.tdmr_base	= 0,
		.tdmr_size	= PFN_PHYS(extspt_max_pfn()),
		.nr_packages	= 1,
		.check_content	= check,
		.check_caches	= check,
	};

	seam_checks = check;
	return seam_init(&config);
}

int extspt_tdx_check(bool on)
{
	if (on == seam_checks)
		return 0;
	seam_exit();
	return seam_start(on);
}

int extspt_tdx_init(void)
{
	int ret;

	ret = seam_start(false);
	if (ret)
		return ret;
	ret = pamt_refcounts_init();
	if (ret)
		goto stop_seam;
	/* What a choice has set up by halves, its exit takes down. */
	ret = pamt_lock_init();
	if (ret)
		goto exit_lock;
	ret = split_source_init();
	if (ret)
		goto exit_split;
	vendor_call_init();
	return 0;

exit_split:
	split_source_exit();
exit_lock:
	pamt_lock_exit();
	pamt_refcounts_exit();
stop_seam:
	seam_exit();
	return ret;
}

void extspt_tdx_exit(void)
{
	split_source_exit();
	pamt_lock_exit();
	pamt_refcounts_exit();
	seam_exit();
}

static struct page *control_page_alloc(void)
{
	struct page *page = ledger_alloc(CLASS_CONTROL, OWNER_TDX, GFP_KERNEL_ACCOUNT);

	if (!page || !pamt_install_control(page))
		return page;
	ledger_free(page, OWNER_TDX);
	return NULL;
}

static void control_page_free(struct page **page)
{
	if (!*page)
		return;
	pamt_remove_control(*page);
	ledger_free(*page, OWNER_TDX);
	*page = NULL;
}

/* A leaf that gives a control page to the TD or vCPU named by RDX. */
static int control_page_add(u64 fn, struct page **page, u64 rdx)
{
	struct seam_args args;

	*page = control_page_alloc();
	if (!*page)
		return -ENOMEM;
	tdh_give(*page);
	args = (struct seam_args){ .rcx = page_to_phys(*page), .rdx = rdx };
	if (!seam_is_error(tdh_call(fn, &args)))
		return 0;
	control_page_free(page);
	return -EIO;
}

static int td_create_vcpu(struct extspt_td *td)
{
	int i, ret;

	ret = control_page_add(SEAM_VP_CREATE, &td->tdvpr, page_to_phys(td->tdr));
	for (i = 0; !ret && i < TD_NR_TDVPX; i++)
		ret = control_page_add(SEAM_VP_ADDCX, &td->tdvpx[i], page_to_phys(td->tdvpr));
	if (ret)
		return ret;
	return seam_is_error(tdh_one(SEAM_VP_INIT, page_to_phys(td->tdvpr))) ? -EIO : 0;
}

static int td_configure(struct extspt_td *td)
{
	u64 status, tdr = page_to_phys(td->tdr);
	int i, ret = 0;

	mutex_lock(&tdx_lock);
	status = tdh_one(SEAM_MNG_KEY_CONFIG, tdr);
	mutex_unlock(&tdx_lock);
	if (seam_is_error(status))
		return -EIO;
	for (i = 0; !ret && i < TD_NR_TDCX; i++)
		ret = control_page_add(SEAM_MNG_ADDCX, &td->tdcx[i], tdr);
	if (ret)
		return ret;
	if (seam_is_error(tdh_one(SEAM_MNG_INIT, tdr)))
		return -EIO;
	ret = td_create_vcpu(td);
	if (ret)
		return ret;
	return seam_is_error(tdh_one(SEAM_MR_FINALIZE, tdr)) ? -EIO : 0;
}

int extspt_td_create(struct extspt_vm *vm)
{
	struct extspt_td *td = &vm->td;
	int ret;

	ret = pamt_install_td_create();
	if (ret)
		return ret;
	td->announced = true;
	ret = ida_alloc_range(&hkid_pool, FIRST_HKID, LAST_HKID, GFP_KERNEL);
	if (ret < 0)
		goto destroy;
	td->hkid = ret;
	mutex_lock(&tdx_lock);
	ret = control_page_add(SEAM_MNG_CREATE, &td->tdr, td->hkid);
	mutex_unlock(&tdx_lock);
	if (!ret)
		ret = td_configure(td);
	if (!ret)
		return 0;
	extspt_td_release_hkid(vm);
destroy:
	extspt_td_destroy(vm);
	return ret;
}

/* A vCPU whose creation failed half-way was never associated: tdx_flush_vp(). */
static int td_flush_vcpu(struct extspt_td *td)
{
	u64 status = tdh_one(SEAM_VP_FLUSH, page_to_phys(td->tdvpr));

	if ((status & SEAM_STATUS_MASK) == SEAM_VCPU_NOT_ASSOCIATED)
		return 0;
	return seam_is_error(status) ? -EIO : 0;
}

/* smp_func_do_phymem_cache_wb(): it may be interrupted, and is resumed then. */
static int td_write_back(void)
{
	u64 status = tdh_one(SEAM_PHYMEM_CACHE_WB, 0);

	while (status == SEAM_INTERRUPTED_RESUMABLE)
		status = tdh_one(SEAM_PHYMEM_CACHE_WB, 1);
	return seam_is_error(status) ? -EIO : 0;
}

static int td_release_hkid(struct extspt_td *td)
{
	u64 tdr = page_to_phys(td->tdr);

	lockdep_assert_held(&tdx_lock);
	if (seam_is_error(tdh_one(SEAM_MNG_VPFLUSHDONE, tdr)) || td_write_back() ||
	    seam_is_error(tdh_one(SEAM_MNG_KEY_FREEID, tdr)))
		return -EIO;
	td->released = true;
	return 0;
}

int extspt_td_release_hkid(struct extspt_vm *vm)
{
	struct extspt_td *td = &vm->td;
	int ret;

	if (!td->tdr || td->released)
		return 0;
	if (td->tdvpr && td_flush_vcpu(td))
		return -EIO;
	mutex_lock(&tdx_lock);
	ret = td_release_hkid(td);
	mutex_unlock(&tdx_lock);
	return ret;
}

/* A control page that the module does not give back is leaked, and shows as such. */
static bool control_page_reclaimed(struct page *page)
{
	return page && !seam_is_error(tdh_one(SEAM_PHYMEM_PAGE_RECLAIM, page_to_phys(page)));
}

static void control_page_reclaim(struct page **page)
{
	if (control_page_reclaimed(*page))
		control_page_free(page);
}

/* The last one. The module wrote to it when it gave back the others. */
static void tdr_reclaim(struct page **tdr)
{
	if (!control_page_reclaimed(*tdr))
		return;
	tdh_phymem_page_wbinvd_hkid(GLOBAL_HKID, *tdr);
	control_page_free(tdr);
}

void extspt_td_destroy(struct extspt_vm *vm)
{
	struct extspt_td *td = &vm->td;
	int i;

	for (i = 0; i < TD_NR_TDVPX; i++)
		control_page_reclaim(&td->tdvpx[i]);
	control_page_reclaim(&td->tdvpr);
	for (i = 0; i < TD_NR_TDCX; i++)
		control_page_reclaim(&td->tdcx[i]);
	tdr_reclaim(&td->tdr);
	/* A TD that could not be torn down keeps its key. */
	if (td->hkid && !td->tdr)
		ida_free(&hkid_pool, td->hkid);
	td->hkid = 0;
	if (td->announced)
		pamt_install_td_destroy();
	td->announced = false;
}
