# SPDX-License-Identifier: GPL-2.0-only
"""What a host and a tier can say, and what they cannot."""

from __future__ import annotations

from collections.abc import Iterator

from generator.evidence.frames import FLOOR
from generator.modules.render import KVM
from generator.report.view import COUNT, MODEL, NATIVE, TDX, View, plural
from generator.runs.choose import vcpus_of

UNIT = {COUNT: "instructions", MODEL: "emulated time", NATIVE: "host time", TDX: "host time"}
KIND = {KVM: "real KVM, modelled SEAM"}
TWIN = "twin of KVM's path, modelled SEAM"
REAL = "real KVM, real TDs"
BRIEF_REAL = "Real KVM and the TDX module itself: each VM is a TD, and no model takes part."
WHAT_REAL = ("Each VM is a TD, made with KVM's own ioctls; its SEAMCALLs go to the TDX module of "
             "this machine. Designs are hooked into kvm.ko; guests do not run.")
BRIEF = {KVM: "Real KVM, modelled SEAM: tdx.c and the TDX module are not run."}
BRIEF_TWIN = ("The twin models KVM's path and does not drive KVM; SEAM is modelled, without TDX "
              "hardware.")
WHAT = {KVM: ("This is real KVM, modelled SEAM: the faults run in kvm.ko's own mirror MMU, hooked, "
              "on a software-protected VM. tdx.c, the TDX module and guest execution are not run; "
              "modelled SEAMCALL costs are no TDX measurements.")}
WHAT_TWIN = ("Twin: the fault, split and teardown path of KVM's TDP MMU for mirror page tables "
             "once more, in code of our own. It models KVM's path and does not drive KVM. "
             "SEAMCALLs are answered by a software model.")
NO_TDX = ("Real SEAMCALLs and their times (tier tdx): no TDX hardware. The model's cost table is a "
          "guess with sources, not a measurement.")
NO_KVM = ("KVM itself: the functions of kvm.ko the twin stands for are not exported; the twin "
          "repeats their steps, locks and GFP flags.")
NO_TDX_C = "tdx.c: the hooks stand where it is called, and nothing of it is run."
NO_SPLIT = "mmu_lock: it is KVM's own. Splits: all mappings are 4 KiB."
NO_TD = ("A real TD on real KVM: the driver's KVM_TDX_CAPABILITIES, KVM_TDX_INIT_VM, "
         "KVM_TDX_INIT_VCPU, KVM_TDX_FINALIZE_VM and the pre-fault after them are written and were "
         "never run: no machine with TDX.")
BY_TIER = {
    COUNT: "Contention and time in tier count: one guest CPU, one instruction per tick, no caches.",
    MODEL: "Wall time of kernel code in tier model: the guest is emulated. Cache misses and memory "
           "bandwidth: in no emulated boot."}
UML = ("x86's own code under UML: static calls are calls through a pointer there, cache flushes "
       "cost nothing, and page tables are the host's.")


def kind(host: str, tier: str) -> str:
    """What a host is in a tier, in a few words; on every page of its reports."""
    return REAL if tier == TDX else KIND.get(host, TWIN)


def brief(host: str, tier: str) -> str:
    """What a host is, in the sentence that stands in front of the first figure."""
    return BRIEF_REAL if tier == TDX else BRIEF.get(host, BRIEF_TWIN)


def what(host: str, tier: str) -> str:
    """What a host is, in whole."""
    return WHAT_REAL if tier == TDX else WHAT.get(host, WHAT_TWIN)


def limits(view: View) -> Iterator[str]:
    """What a run did not measure and why."""
    vcpus = max((vcpus_of(case) for case in view.cases), default=0)
    if not view.has(TDX):
        yield from (NO_TDX, *((NO_TDX_C, NO_TD) if view.host == KVM else (NO_KVM,)))
    if view.host == KVM:
        yield NO_SPLIT
    yield from (BY_TIER[tier] for tier in view.tiers if tier in BY_TIER)
    if any(tier in (NATIVE, TDX) for tier in view.tiers) and not view.has(COUNT):
        yield f"Instructions and exact counts (tier count): not in run {view.short}."
    if any("uml" in name for name in view.manifest["boots"]):
        yield UML
    yield f"More than {plural(vcpus, 'vCPU')}; other machines than the one below."
    if view.has_floor():
        yield (f"'{FLOOR}' is the floor: the same path without S-EPT and PAMT page work. It is no "
               "design: what it parks are pages set aside before the run.")
