/* SPDX-License-Identifier: GPL-2.0-only */
/* The vendor ops, for whoever defines EXTSPT_OP(); as kvm-x86-ops.h. */
EXTSPT_OP(topup);
EXTSPT_OP(prepare_pfn);
EXTSPT_OP(pfn_done);
EXTSPT_OP(phys_prepare);
EXTSPT_OP(phys_cleanup);
EXTSPT_OP(link);
EXTSPT_OP(map);
EXTSPT_OP(remove);
EXTSPT_OP(split);
EXTSPT_OP(free_spt);
EXTSPT_OP(reclaim);
#undef EXTSPT_OP
