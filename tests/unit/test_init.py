# SPDX-License-Identifier: GPL-2.0-only
"""The guest's init as rendered: what busybox will read."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from generator.modules import render
from generator.runners import Load
from generator.runs import initramfs, plan
from generator.runs.costs import parse

COSTS = parse(b'id = "t"\nunit = "ns"\nbody_share = 0.5\n[leaf."TRACK"]\nns = 10\nsource = "s"',
              "t.toml")


def rendered() -> str:
    run = plan.make(["none"], baseline="kvm_owned", aprime="kvm_owned_aprime", seed=1,
                    workloads=["smoke", "zap"], runner="qemu", costs={"icount": "t"},
                    boots={"icount": ("count", "instructions")})
    [boot] = run.boots
    modules = [{"name": name, "module": f"extspt_{name}", "cases": boot.of(name)}
               for name in boot.order]
    return render.fill("init", port="exec 3>/dev/ttyS1", plan_id=boot.id, modules=modules,
                       costs=COSTS.lines())


def test_order_of_what_it_does() -> None:
    words = [line.split()[0] for line in rendered().splitlines() if line]
    body = [word for word in words[words.index("cases=0"):] if word != "#"]
    assert body[3:15] == ["module", "measure", "measure", "unload"] * 3
    assert body[15:] == ["if", "while", "[", "done", "fi", "say", "exec", "poweroff"]


def test_a_script_takes_the_place_of_the_cases() -> None:
    text = render.fill("init", port="exec 3>/dev/ttyS1", plan_id="x", modules=[], costs=(),
                       script="module none\nsay hello")
    words = [line.split()[0] for line in text.splitlines() if line]
    after = words[words.index("cases=0"):]
    assert after[3:5] == ["module", "say"] and after[-1] == "poweroff"
    assert "measure()" in words and "hello" in text


def test_modules_get_costs_and_cases() -> None:
    text = rendered()
    assert text.count("'table t' 'TRACK 5 5'\n") == 3
    assert text.count("measure zap zap vcpus=2 pages=2048 rounds=1 seed=1\n") == 3
    assert re.search(r"^module 'kvm_owned_aprime' extspt_kvm_owned_aprime '", text, re.MULTILINE)
    assert text.startswith("#!/bin/sh\n") and "@" not in text.replace('"$@"', "")


def in_turns() -> str:
    run = plan.make(["none"], baseline="kvm_owned", aprime="kvm_owned_aprime", seed=1,
                    workloads=["zap", "idle"], runner="uml", costs={"uml": "t"},
                    boots={"uml": ("native", "ns")})
    load = Load(run.boots[0], [(name, Path(f"extspt_{name}.ko")) for name in run.variants],
                COSTS.lines())
    return render.fill("init", port="exec 3>/dev/ttyS1", plan_id=load.plan_id, turns=load.turns,
                       modules=load.listed, costs=load.costs)


def test_all_modules_are_there_while_they_take_turns() -> None:
    """Loaded, then visited in each round's order, the last time for the record, then unloaded."""
    text = in_turns()
    words = [line.split()[0] for line in text.splitlines() if line]
    body = [word for word in words[words.index("cases=0"):] if word != "#"]
    early = plan.VISITS - 1
    turns = early * 3 * ["take", "visit"] + 2 * 3 * ["take", "measure"]
    assert body[3:-8] == [*3 * ["module", "keep"], "turns=yes", *turns, *3 * ["take", "unload"]]
    visits = re.findall(r"^visit zap zap .* visit=(\d)$", text, re.M)
    assert visits == [str(1 + n // 3) for n in range(3 * early)]
    last = rf"^measure zap zap .* visits={plan.VISITS} visit={plan.VISITS}$"
    assert len(re.findall(last, text, re.M)) == 3
    taken = re.findall(r"^take (\d) '(\w+)' extspt_(\w+)$", text, re.M)
    kept = re.findall(r"^module '(\w+)'", text, re.M)
    assert all(kept[int(at)] == name == module for at, name, module in taken)


@pytest.mark.parametrize("broken", ["none", "kvm_owned"])
def test_a_module_that_cannot_be_loaded_fails_its_own_cases(tmp_path: Path, broken: str) -> None:
    """The words of guest.sh.j2, carried out by busybox on files in place of debugfs."""
    text = in_turns().partition("echo 0 >$group/cgroup.procs\n")[2].partition("# Once lockdep")[0]
    text = text.replace("/sys/kernel/debug", str(tmp_path))
    head = (f"group={tmp_path}\nmodules=x\nEXTSPT_FAULTS=/dev/null\nexec 3>&1\n"
            f'insmod() {{ case $1 in */{broken}.ko) return 1 ;; esac; }}\nrmmod() {{ :; }}\n')
    (tmp_path / "memory.stat").write_text("kernel 5\n")
    for name in ("none", "kvm_owned", "kvm_owned_aprime"):
        (tmp_path / f"extspt_{name}").mkdir()
        for file in ("info", "result"):
            (tmp_path / f"extspt_{name}" / file).write_text("{}\n")
    done = subprocess.run([initramfs.find_busybox(), "ash"], input=f"{head}{text}\nexit 0\n",
                          text=True,                          capture_output=True, check=True)
    codes = dict(re.findall(r"^EXTSPT CASE \d (\w+) zap rc=(\d)", done.stdout, re.M))
    assert codes == {"none": "0", "kvm_owned": "0", "kvm_owned_aprime": "0"} | {broken: "4"}
    assert done.stdout.count("EXTSPT TURN") == 3 * (plan.VISITS + 1)


@pytest.mark.parametrize("text", [rendered(), in_turns()])
def test_busybox_accepts_it(text: str) -> None:
    subprocess.run([initramfs.find_busybox(), "ash", "-n"], input=text, text=True, check=True)


@pytest.mark.parametrize("text", [rendered(), in_turns()])
def test_every_program_it_calls_is_in_the_image(text: str) -> None:
    """Nothing but these may fork: each fork costs 10 to 30 ms under TCG."""
    builtins = {"export", "say", "printf", "read_kernel", "read", "while", "do", "done", "if", "fi",
                "then", "else", "break", "shift", "echo", "exec", "module", "measure", "unload",
                "say_more", "read_locks", "case", "esac", ";;", ":", "set", '"', "[", "}",
                "return", "eval", "keep", "take", "visit", "#"}
    lines = (line.strip() for line in text.splitlines())
    commands = {line.split()[0] for line in lines if line}
    called = {w for w in commands - builtins if "=" not in w and not w.endswith(")")}
    assert called - {"#!/bin/sh"} <= set(initramfs.APPLETS)
