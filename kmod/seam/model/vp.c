// SPDX-License-Identifier: GPL-2.0-only
/* vCPUs, as far as MR.FINALIZE and MNG.VPFLUSHDONE need them. */
#include "leaves.h"

static struct seam_vcpu *vcpu_alloc(u32 *index)
{
	unsigned int i;

	for (i = 0; i < seam.config.nr_vcpus; i++) {
		struct seam_vcpu *vcpu = &seam.vcpus[i];
		int free = 0;

		if (!atomic_try_cmpxchg_acquire(&vcpu->in_use, &free, 1))
			continue;
		vcpu->nr_tdcx = 0;
		vcpu->ready = false;
		atomic_set(&vcpu->associated, 0);
		*index = i;
		return vcpu;
	}
	return NULL;
}

u64 seam_vp_create(struct seam_call *call)
{
	struct seam_pamt *pamt;
	u64 status;
	u32 index;

	status = seam_get_free_page(call, call->in.rcx, SEAM_OP_RCX, &pamt);
	if (status)
		return status;
	if (!vcpu_alloc(&index))
		return seam_limit(call, call->in.rcx);

	atomic_inc(&call->td->nr_vcpus);
	atomic64_add(1, &call->td->children);
	seam_assign_page(call, pamt, call->in.rcx, PT_TDVPR, call->td->tdr, index);
	return SEAM_SUCCESS;
}

/* TDVPR in @pa: its page locked, then the TDR of its owner shared. */
static u64 get_vcpu(struct seam_call *call, u64 pa, u64 operand, enum seam_hold how,
		    struct seam_vcpu **vcpu)
{
	struct seam_pamt *pamt;
	u64 status;
	u32 level;

	if (!seam_pa_valid(pa, SEAM_PAGE_SIZE))
		return SEAM_OPERAND_INVALID | operand;
	if (!seam_pa_covered(pa))
		return SEAM_OPERAND_ADDR_RANGE_ERROR | operand;
	status = seam_pamt_walk(call, pa, how, operand, &pamt, &level);
	if (status)
		return status;
	if (level != SEAM_LEVEL_4K || pamt->type != PT_TDVPR)
		return SEAM_PAGE_METADATA_INCORRECT | operand;
	*vcpu = &seam.vcpus[pamt->object];

	call->tdr = seam_pamt_of((u64)pamt->owner << SEAM_PAGE_SHIFT);
	if (!seam_hold(call, &call->tdr->lock, HOLD_SHARED))
		return SEAM_OPERAND_BUSY | SEAM_OP_TDR;
	call->td = &seam.tds[call->tdr->object];
	status = seam_td_checks(call, LEAF_NOT_FATAL | LEAF_KEYS | LEAF_TDCS);
	if (status)
		return status;
	if (!seam_hold(call, &call->td->op_lock, HOLD_SHARED))
		return SEAM_OPERAND_BUSY | SEAM_OP_OP_STATE;
	return SEAM_SUCCESS;
}

u64 seam_vp_addcx(struct seam_call *call)
{
	struct seam_vcpu *vcpu;
	struct seam_pamt *pamt;
	u64 status;

	status = get_vcpu(call, call->in.rdx, SEAM_OP_RDX, HOLD_EXCLUSIVE, &vcpu);
	if (!status)
		status = seam_op_state_check(call, BIT(OS_INITIALIZED) | BIT(OS_STATE_IMPORT));
	if (status)
		return status;
	if (vcpu->ready)
		return SEAM_VCPU_STATE_INCORRECT;
	if (vcpu->nr_tdcx == SEAM_VCPU_TDCX)
		return SEAM_TDCX_NUM_INCORRECT;
	status = seam_get_free_page(call, call->in.rcx, SEAM_OP_RCX, &pamt);
	if (status)
		return status;

	vcpu->nr_tdcx++;
	atomic64_add(1, &call->td->children);
	seam_assign_page(call, pamt, call->in.rcx, PT_TDCX, call->td->tdr, SEAM_NONE);
	return SEAM_SUCCESS;
}

u64 seam_vp_init(struct seam_call *call)
{
	struct seam_vcpu *vcpu;
	u64 status;

	status = get_vcpu(call, call->in.rcx, SEAM_OP_RCX, HOLD_EXCLUSIVE, &vcpu);
	if (!status)
		status = seam_op_state_check(call, BIT(OS_INITIALIZED));
	if (status)
		return status;
	if (vcpu->ready)
		return SEAM_VCPU_STATE_INCORRECT;
	if (vcpu->nr_tdcx < SEAM_VCPU_TDCX)
		return SEAM_TDCX_NUM_INCORRECT;

	vcpu->ready = true;
	atomic_set(&vcpu->associated, 1);
	atomic_inc(&call->td->nr_vcpus_ready);
	atomic_inc(&call->td->nr_associated);
	return SEAM_SUCCESS;
}

u64 seam_vp_flush(struct seam_call *call)
{
	struct seam_vcpu *vcpu;
	u64 status;

	status = get_vcpu(call, call->in.rcx, SEAM_OP_RCX, HOLD_EXCLUSIVE, &vcpu);
	if (status)
		return status;
	if (!atomic_read(&vcpu->associated))
		return SEAM_VCPU_NOT_ASSOCIATED;

	atomic_set(&vcpu->associated, 0);
	atomic_dec(&call->td->nr_associated);
	return SEAM_SUCCESS;
}
