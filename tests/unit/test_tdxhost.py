# SPDX-License-Identifier: GPL-2.0-only
"""doctor on machines with more and more of TDX."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from generator.kvm import tdxhost

BEGIN = "[    0.000000] Linux version 7.2.13\n"
KEYS = f"{BEGIN}virt/tdx: BIOS enabled: private KeyID range [64, 128)\n"
UP = "virt/tdx: TDX-Module initialized\n"
#: Every host with suspend says this as soon as its TDX is fine.
SLEEP = "virt/tdx: Disable ACPI S3. Turn off TDX in the BIOS to use ACPI S3.\n"
NO_MODULE = "virt/tdx: module not loaded\nvirt/tdx: TDX-Module initialization failed (-19)\n"
ALL = "vmx tme tdx_host_platform"


def machine(root: Path, *, cpu: str = "GenuineIntel", flags: str = ALL, options: str = "yy",
            parameter: str = "Y") -> Path:
    for name, text in {
            "proc/cpuinfo": f"vendor_id : {cpu}\nflags\t\t: fpu {flags} sse\n",
            "proc/sys/kernel/osrelease": "7.2.13\n",
            "boot/config-7.2.13": "".join(f"CONFIG_{name}={value}\n" for name, value
                                          in zip(tdxhost.OPTIONS, options, strict=True)),
            "sys/module/kvm_intel/parameters/tdx": f"{parameter}\n"}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.mark.parametrize(("has", "log", "said", "mend"), [
    ({"cpu": "AuthenticAMD"}, "", "not Intel's", "Xeon"),
    ({"flags": "vmx hypervisor"}, "", "a virtual machine", "the machine itself"),
    ({"flags": "svm"}, "", "no VMX", "BIOS"),
    ({"options": "yn"}, "", "lacks CONFIG_KVM_INTEL_TDX", "--flavor kvm"),
    ({"flags": "vmx"}, BEGIN, "has not enabled TME", "TME-MT on"),
    ({"flags": "vmx tme"}, BEGIN, "no private key ids", "two TDX key ids"),
    ({"flags": "vmx tme"}, "a later line\n", "the log's beginning", "journalctl -k -b"),
    ({"flags": "vmx tme"}, f"{KEYS}virt/tdx: initialization failed: too few private KeyIDs "
     "available.\n", "too few private KeyIDs", "two TDX key ids"),
    ({"flags": "vmx tme"}, f"{KEYS}virt/tdx: initialization failed: Hibernation support is "
     "enabled\n", "Hibernation support", "nohibernate"),
    ({"parameter": "N"}, KEYS + SLEEP, "kvm_intel has tdx=N", "modprobe kvm_intel tdx=1"),
    ({"parameter": "N"}, KEYS + SLEEP + NO_MODULE, "module not loaded", "SEAM loader on"),
    ({"parameter": "N"}, f"{KEYS}virt/tdx: TDX-Module initialization failed (-5)\n",
     "initialization failed (-5)", "modprobe kvm_intel tdx=1"),
    ({"parameter": "N"}, f"{KEYS}{UP}kvm_intel: APICv is required for TDX\n", "APICv is required",
     "without enable_apicv=0"),
])
def test_the_first_thing_that_is_missing(tmp_path: Path, has: dict[str, str], log: str,
                                         said: str, mend: str) -> None:
    *before, last = tdxhost.examine(machine(tmp_path, **has), log)
    assert all(item.state == "ok" for item in before)
    assert last.state == "note"
    assert said in last.detail
    assert mend in last.detail


@pytest.mark.parametrize("log", [KEYS + SLEEP + UP, SLEEP, ""])
def test_a_machine_that_has_it_all(tmp_path: Path, log: str) -> None:
    """Also when the log has lost its beginning; a line about suspend is no refusal."""
    found = tdxhost.examine(machine(tmp_path), log)
    assert [(item.name, item.state) for item in found] == [
        (f"tdx {name}", "ok") for name in ("cpu", "kernel", "keys", "kvm_intel")]
    assert ("key ids 64 to 127" in found[2].detail) == (log.startswith(KEYS))
    assert tdxhost.ready(tmp_path)


def test_key_ids_are_counted_where_the_log_is_gone(tmp_path: Path) -> None:
    machine(tmp_path)
    (tmp_path / "sys/fs/cgroup").mkdir(parents=True)
    (tmp_path / "sys/fs/cgroup/misc.capacity").write_text("res_a 50\ntdx 63\n")
    assert tdxhost.examine(tmp_path, "")[2].detail == "63 for TDs"


def test_kvm_intel_may_not_be_there(tmp_path: Path) -> None:
    module = machine(tmp_path) / "sys/module/kvm_intel"
    (module / "parameters/tdx").unlink()
    assert "no parameter tdx" in tdxhost.examine(tmp_path, KEYS)[-1].detail
    (module / "parameters").rmdir()
    module.rmdir()
    assert "kvm_intel is not loaded" in tdxhost.examine(tmp_path, KEYS)[-1].detail


def test_a_kernel_whose_options_are_nowhere_is_not_blamed(tmp_path: Path) -> None:
    config = machine(tmp_path, options="nn") / "boot/config-7.2.13"
    (tmp_path / "proc/config.gz").write_bytes(gzip.compress(config.read_bytes()))
    config.unlink()
    assert "lacks CONFIG_INTEL_TDX_HOST and" in tdxhost.examine(tmp_path, KEYS)[-1].detail
    (tmp_path / "proc/config.gz").unlink()
    assert [item.state for item in tdxhost.examine(tmp_path, KEYS)] == ["ok"] * 4
