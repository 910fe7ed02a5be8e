# SPDX-License-Identifier: GPL-2.0-only
"""What keeps this machine from creating TDs, from the firmware up: for doctor.

The steps are those of Documentation/arch/x86/tdx.rst; each is looked at where the kernel shows it
without being asked to do anything: flags of /proc/cpuinfo, and only where those say no, the words
of arch/x86/virt/vmx/tdx/tdx.c and arch/x86/kvm/vmx/tdx.c (6.16 to 7.3) in the kernel's log, which
may have lost its beginning. Nothing here was seen on a machine that has TDX.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

from generator import proc
from generator.trees import kernel
from generator.trees.treecheck import Item

OPTIONS = ("INTEL_TDX_HOST", "KVM_INTEL_TDX")
#: Set by tdx_init() when the firmware has set key ids aside and nothing spoke against it.
PLATFORM = "tdx_host_platform"
_KEYS = re.compile(r"virt/tdx: BIOS enabled: private KeyID range \[(\d+), (\d+)\)")
#: "Disable ACPI S3. Turn off TDX ...", too, is a line of virt/tdx, and no refusal: a host whose
#: TDX works says it.
_REFUSED = re.compile(r"(?:virt/tdx|kvm_intel): (.*(?:initialization failed|module not loaded"
                      r"|required for TDX|Disable TDX:|clobber bug).*)")
_BEGINNING = "Linux version "
_MENDS = (("Hibernation", "nohibernate on the kernel's command line"),
          ("too few private KeyIDs", "in the BIOS: two TDX key ids or more"),
          ("module not loaded", "the firmware has to load a TDX module: SEAM loader on in the "
           "BIOS, or a newer firmware"),
          ("clobber bug", "a newer TDX module"),
          ("EPT is required", "kvm_intel without ept=0"),
          ("MMIO caching", "kvm without tdp_mmu=0 and mmio_caching=0, kvm_intel without eptad=0"),
          ("APICv", "kvm_intel without enable_apicv=0"))
_FIRMWARE = ("in the BIOS: TME-MT on, TDX on, SEAM loader on, and two TDX key ids or more; a 4th "
             "generation Xeon or later can have that")


def examine(root: Path = Path("/"), log: str | None = None) -> list[Item]:
    """The steps up to the first that is missing; ``log``: the kernel's, else dmesg's."""
    found = []
    for item in _steps(root, _dmesg() if log is None else log):
        found.append(item)
        if item.state != "ok":
            break
    return found


def ready(root: Path = Path("/")) -> bool:
    """Whether TDs can be created: the running kernel's KVM says so once it has set TDX up."""
    return _text(root / "sys/module/kvm_intel/parameters/tdx").strip() == "Y"


def _steps(root: Path, log: str) -> Iterator[Item]:
    cpu = _text(root / "proc/cpuinfo")
    if "GenuineIntel" not in cpu:
        yield _lacks("the CPU is not Intel's", "TDX needs a 4th generation Xeon or later")
    flags = set((re.search(r"^flags\s*:(.*)$", cpu, re.MULTILINE) or ["", ""])[1].split())
    if "hypervisor" in flags:
        yield _lacks("this is a virtual machine", "TDs are created by the machine itself")
    yield _ok("cpu", "Intel, VMX") if "vmx" in flags else _lacks(
        "no VMX", "switch virtualization on in the BIOS")
    config = _config(root)
    off = [f"CONFIG_{name}" for name in OPTIONS if config and config.get(name) != "y"]
    yield _lacks(f"this kernel lacks {' and '.join(off)}", "build one with: extspt kernel build "
                 "KSRC --flavor kvm") if off else _ok(
        "kernel", " ".join(OPTIONS) if config else "its configuration is not here")
    yield _keys(root, flags, log)
    yield _module(root, log)


def _keys(root: Path, flags: set[str], log: str) -> Item:
    """Whether the kernel took the key ids that the firmware has set aside."""
    keys = _KEYS.search(log)
    if PLATFORM in flags:
        guests = re.search(r"^tdx (\d+)$", _text(root / "sys/fs/cgroup/misc.capacity"),
                           re.MULTILINE)
        return _ok("keys", f"key ids {keys[1]} to {int(keys[2]) - 1}" if keys
                   else f"{guests[1]} for TDs" if guests else "the kernel has some")
    if refused := _refusal(log):
        return _lacks(f"the kernel says: {refused}", _mend(refused, "mend that and boot again"))
    if keys is None and _BEGINNING not in log:
        return _lacks(f"the CPU has no flag {PLATFORM}, and the log's beginning, which would say "
                      "why, is not here", f"see journalctl -k -b for virt/tdx; {_FIRMWARE}")
    if "tme" not in flags:
        return _lacks("the firmware has not enabled TME (no flag tme)", _FIRMWARE)
    return _lacks("the firmware has set no private key ids aside (no 'BIOS enabled' line of "
                  "virt/tdx)", _FIRMWARE)


def _module(root: Path, log: str) -> Item:
    """Whether kvm_intel can make TDs: it says yes only when the TDX module is initialized."""
    loaded = root / "sys/module/kvm_intel"
    if not loaded.is_dir():
        return _lacks("kvm_intel is not loaded", "modprobe kvm_intel tdx=1")
    if ready(root):
        return _ok("kvm_intel", "tdx=Y, and with it the TDX module is initialized")
    if not (loaded / "parameters/tdx").exists():
        return _lacks("kvm_intel has no parameter tdx", "one with CONFIG_KVM_INTEL_TDX")
    again = "rmmod kvm_intel && modprobe kvm_intel tdx=1"
    if refused := _refusal(log):
        return _lacks(f"kvm_intel has tdx=N, and the kernel says: {refused}",
                      f"{_mend(refused, 'mend that')}; then {again}")
    return _lacks("kvm_intel has tdx=N", f"{again}; the kernel's log says what it did not like")


def _refusal(log: str) -> str:
    """The last one that says what to mend, else the last: older ones were mended since."""
    found = [str(line).strip() for line in reversed(_REFUSED.findall(log))]
    return next((line for line in found if _mend(line, "")), found[0] if found else "")


def _mend(refused: str, otherwise: str) -> str:
    return next((fix for words, fix in _MENDS if words in refused), otherwise)


def _ok(name: str, detail: str) -> Item:
    return Item(f"tdx {name}", "ok", detail)


def _lacks(what: str, fix: str) -> Item:
    return Item("tdx", "note", f"no TD can be created here: {what}; {fix}")


def _config(root: Path) -> dict[str, str]:
    """The running kernel's options; none when they are nowhere to be read."""
    release = _text(root / "proc/sys/kernel/osrelease").strip()
    for name in (f"lib/modules/{release}/build", f"usr/src/linux-headers-{release}"):
        folder = root / name
        if (folder / ".config").is_file():
            return kernel.settings(folder)
    text = _text(root / f"boot/config-{release}")
    try:
        text = text or gzip.decompress((root / "proc/config.gz").read_bytes()).decode()
    except OSError:
        text = ""
    return dict(re.findall(r"^CONFIG_(\w+)=(.*)$", text, re.MULTILINE))


def _dmesg() -> str:
    return proc.query(["dmesg"]).output if proc.find("dmesg") else ""


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
