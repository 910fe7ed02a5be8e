# SPDX-License-Identifier: GPL-2.0-only
"""The guest's init as rendered: what busybox will read."""

from __future__ import annotations

import re
import subprocess

from generator import initramfs, plan, render
from generator.costs import parse

COSTS = parse(b'id = "t"\nunit = "ns"\nbody_share = 0.5\n[leaf."TRACK"]\nns = 10\nsource = "s"',
              "t.toml")


def rendered() -> str:
    run = plan.make(["none"], baseline="kvm_owned", aprime="kvm_owned_aprime", seed=1,
                    workloads=["smoke", "zap"], runner="qemu", costs={"icount": "t"},
                    boots={"icount": ("count", "instructions")})
    [boot] = run.boots
    modules = [{"name": name, "cases": boot.of(name)} for name in boot.order]
    return render.fill("init", port="exec 3>/dev/ttyS1", plan_id=boot.id, modules=modules,
                       costs=COSTS.lines())


def test_order_of_what_it_does() -> None:
    words = [line.split()[0] for line in rendered().splitlines() if line]
    body = words[words.index("cases=0"):]
    assert body[2:-4] == ["module", "measure", "measure", "unload"] * 3
    assert body[-4:] == ["say", "#", "exec", "poweroff"]


def test_modules_get_costs_and_cases() -> None:
    text = rendered()
    assert text.count("'table t' 'TRACK 5 5'\n") == 3
    assert text.count("measure zap vcpus=2 pages=2048 rounds=1 seed=1\n") == 3
    assert re.search(r"^module kvm_owned_aprime '", text, re.MULTILINE)
    assert text.startswith("#!/bin/sh\n") and "@" not in text.replace('"$@"', "")


def test_busybox_accepts_it() -> None:
    subprocess.run([initramfs.find_busybox(), "ash", "-n"], input=rendered(), text=True, check=True)


def test_every_program_it_calls_is_in_the_image() -> None:
    """Nothing but these may fork: each fork costs 10 to 30 ms under TCG."""
    builtins = {"export", "say", "printf", "read_kernel", "read", "while", "do", "done", "if", "fi",
                "then", "else", "break", "shift", "echo", "exec", "module", "measure", "unload",
                "[", "}", "return", "#"}
    lines = (line.strip() for line in rendered().splitlines())
    commands = {line.split()[0] for line in lines if line}
    called = {w for w in commands - builtins if "=" not in w and not w.endswith("()")}
    assert called - {"#!/bin/sh"} <= set(initramfs.APPLETS)
