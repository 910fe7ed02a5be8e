# SPDX-License-Identifier: GPL-2.0-only
"""The QEMU runner without QEMU: command lines, patience, verdicts, pinning."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from generator import runners
from generator.errors import GuestError, RigError, UsageError
from generator.runners import Guest, LostGuest, qemu
from generator.runs import trial, watch
from generator.runs.watch import Limits, Outcome, Watch

DATA = Path(__file__).parent.parent / "data" / "serial"


def command(boot: str, vcpus: int = 2) -> list[str]:
    guest = Guest(Path("/k/vmlinuz"), Path("/o/initramfs.gz"), vcpus, memory_mib=512)
    return qemu.RUNNER.command(boot, guest, Path("/o"))


def test_runners_are_found_by_name() -> None:
    assert runners.names() == ["metal", "qemu", "uml"] and runners.find("qemu") is qemu.RUNNER
    with pytest.raises(UsageError) as caught:
        runners.find("bochs")
    assert "known: metal, qemu, uml" in caught.value.fix


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a stand-in for QEMU can be put."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(qemu, "PROGRAM", "stand-in-for-qemu")
    return tmp_path / "stand-in-for-qemu"


def test_missing_qemu_names_the_package(on_path: Path) -> None:
    for call in (lambda: runners.usable("qemu"), lambda: command("icount")):
        with pytest.raises(RigError) as caught:
            call()
        assert "qemu-system-x86" in f"{caught.value.what} {caught.value.fix}"


def test_icount_is_one_cpu_and_fixed() -> None:
    line = " ".join(command("icount"))
    for option in ("-icount shift=0,sleep=off -smp 1", "-cpu Nehalem-v1", "-seed 1", "-no-reboot",
                   "-rtc base=2026-01-01T00:00:00,clock=vm", "nokaslr", "-m 512"):
        assert option in line


def test_mttcg_has_all_vcpus() -> None:
    line = " ".join(command("mttcg", 4))
    assert "-accel tcg,thread=multi -smp 4" in line and "icount" not in line
    assert "debug-threads=on" in line and "panic=-1 oops=panic" in line
    assert line.index("file:/o/console.log") < line.index("file:/o/serial.txt")


class Guestlike:
    """Two growing serial ports and a clock."""

    def __init__(self, folder: Path) -> None:
        self.serial, self.console = folder / "serial.txt", folder / "console.log"
        self.seen: list[str] = []
        self.watch = Watch(self.serial, self.console, Limits(10, 5), 0.0, self.seen.append)

    def say(self, now: float, text: str, console: str = "") -> Outcome | None:
        for path, more in ((self.serial, text), (self.console, console)):
            with path.open("a") as file:
                file.write(more)
        self.watch.poll(now)
        return self.watch.overdue(now)


@pytest.fixture
def guest(tmp_path: Path) -> Iterator[Guestlike]:
    yield Guestlike(tmp_path)


def test_silent_guest_is_given_up(guest: Guestlike) -> None:
    assert guest.say(9.9, "", "SeaBIOS\n") is None
    assert guest.say(10.1, "", "more\n") is Outcome.NO_BOOT
    assert guest.watch.verdict(Outcome.NO_BOOT) is Outcome.NO_BOOT and not guest.watch.inserted


def test_each_sign_of_progress_counts(guest: Guestlike) -> None:
    assert guest.say(9.0, "EXTSPT BOOT p 6.1\n") is None
    assert guest.say(13.0, "EXTSPT INSMOD v\r\nEXTSPT CA") is None and guest.watch.inserted
    assert guest.say(17.9, "") is None
    assert guest.say(18.1, "") is Outcome.STALLED
    assert guest.say(18.2, "SE 0\n") is None
    assert guest.seen == ["EXTSPT BOOT p 6.1", "EXTSPT INSMOD v", "EXTSPT CASE 0"]


def test_verdicts(guest: Guestlike) -> None:
    guest.say(1, "EXTSPT BOOT p 6.1\n", "[ 1.0] WARNING: CPU: 0 PID: 1 at x\n[ 1.1] fine\n")
    assert guest.watch.warnings == ["[ 1.0] WARNING: CPU: 0 PID: 1 at x"]
    assert guest.watch.verdict(None) is Outcome.LOST
    guest.say(2, "EXTSPT END cases=0 status=0\n")
    assert guest.watch.verdict(Outcome.LOST) is Outcome.DONE
    guest.say(3, "", "[ 3.0] Kernel panic - not syncing: late\n")
    assert guest.watch.verdict(None) is Outcome.PANIC


@pytest.mark.parametrize("line, kind", [
    ("[ 1.9] Kernel panic - not syncing: Fatal exception", "fatal"),
    ("[ 1.6] BUG: unable to handle page fault for address: 8", "fatal"),
    ("[ 1.6] Oops: 0002 [#1] PREEMPT SMP NOPTI", "fatal"),
    ("[ 1.6] general protection fault, probably for non-canonical address", "fatal"),
    ("[ 1.6] kernel BUG at mm/slub.c:1!", "fatal"),
    ("[ 1.6] BUG: KASAN: slab-use-after-free in f", "warning"),
    ("[ 1.6] BUG: sleeping function called from invalid context at x", "warning"),
    ("[ 1.6] watchdog: BUG: soft lockup - CPU#0 stuck for 22s!", "warning"),
    ("[ 1.6] rcu: INFO: rcu_preempt self-detected stall on CPU", "warning"),
    ("[ 1.6] INFO: task a:1 blocked for more than 120 seconds.", "warning"),
    ("[ 1.6] WARNING: possible circular locking dependency detected", "warning"),
    ("[ 1.6] extspt_none: loading out-of-tree module taints kernel.", ""),
    ("[ 0.9] mtrr: your CPUs had inconsistent fixed MTRR settings", ""),
    ("[ 0.1] tsc: Unable to calibrate against PIT", ""),
    ("sh: write error: Invalid argument", ""),
])
def test_console_lines(guest: Guestlike, line: str, kind: str) -> None:
    guest.say(1, "", f"{line}\n")
    assert bool(guest.watch.fatal) == (kind == "fatal")
    assert bool(guest.watch.warnings) == (kind == "warning")


def test_console_of_a_real_panic(guest: Guestlike) -> None:
    guest.say(1, (DATA / "panic.txt").read_text(), (DATA / "panic.console.txt").read_text())
    assert guest.watch.fatal == ("Kernel panic - not syncing: "
                                 "the test module panics when inserted")
    assert watch.under_way(guest.serial.read_text(), [("listed", "smoke")]) == "inserting listed"
    assert len(watch.tail(guest.console).splitlines()) == watch.TAIL_LINES


def test_what_was_under_way() -> None:
    planned = [("a", "smoke"), ("a", "zap"), ("b", "smoke")]
    text = "EXTSPT BOOT p 6.1\n"
    assert watch.under_way("", planned) == watch.under_way(text, planned) == ""
    text += "EXTSPT INSMOD a\nEXTSPT INFO a\n{}\n"
    assert watch.under_way(text, planned) == "a smoke"
    text += "EXTSPT CASE 0 a smoke rc=0 kernel=1,1,1\n{}\n"
    assert watch.under_way(text, planned) == "a zap"
    text += "EXTSPT CASE 1 a zap rc=0 kernel=1,1,1\n{}\n"
    assert watch.under_way(text, planned) == ""  # between a and b: unloading


def test_whose_turn_was_under_way() -> None:
    planned = [("a", "zap"), ("b", "zap")]
    text = "EXTSPT BOOT p 6.1\nEXTSPT INSMOD a\nEXTSPT INFO a\n{}\nEXTSPT TURN b zap\n"
    assert watch.under_way(text, planned) == "b zap"


@pytest.mark.parametrize("text", ["0", "-1", "soon", "nan", "inf"])
def test_bad_limit(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("EXTSPT_BOOT_TIMEOUT", text)
    with pytest.raises(UsageError, match="EXTSPT_BOOT_TIMEOUT"):
        Limits.from_environment(1, 2)


def test_limits_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXTSPT_CASE_TIMEOUT", "2.5")
    assert Limits.from_environment(60, 60) == Limits(60, 2.5)


def test_pin_gives_each_vcpu_thread_a_core() -> None:
    """On threads of this process that are named as QEMU names them."""
    cores = sorted(os.sched_getaffinity(0))
    stop, ready = threading.Event(), threading.Barrier(3)
    tids: dict[int, int] = {}

    def vcpu(index: int) -> None:
        name = f"CPU {index}/TCG".encode()
        ctypes.CDLL(None).prctl(15, name, 0, 0, 0)  # PR_SET_NAME
        tids[index] = threading.get_native_id()
        ready.wait()
        stop.wait()

    threads = [threading.Thread(target=vcpu, args=(index,)) for index in range(2)]
    for thread in threads:
        thread.start()
    try:
        ready.wait()
        targets = [cores[0], cores[-1]]
        assert qemu.pin(os.getpid(), 2, targets)
        assert [os.sched_getaffinity(tids[i]) for i in range(2)] == [{c} for c in targets]
        assert not qemu.pin(os.getpid(), 3, [*targets, targets[0]])
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def stand_in(path: Path, body: str) -> None:
    """A program that takes QEMU's options and does ``body`` (Python; console, serial: paths)."""
    head = ("import sys, time\n"
            "console, serial = [a[5:] for a in sys.argv if a.startswith('file:')]\n")
    path.write_text(f"#!{sys.executable}\n{head}{body}\n")
    path.chmod(0o755)


def boot(tmp_path: Path) -> runners.RunOutput:
    guest = Guest(Path("vmlinuz"), Path("i.gz"), 1)
    return qemu.RUNNER.boot("icount", guest, tmp_path / "out", lambda line: None)


def test_qemus_own_error_is_the_rigs(on_path: Path, tmp_path: Path) -> None:
    stand_in(on_path, "sys.exit('stand-in: cannot set up guest memory')")
    with pytest.raises(RigError) as caught:
        boot(tmp_path)
    assert "exit status 1" in caught.value.what and "guest memory" in caught.value.evidence
    stand_in(on_path, "import os; os.kill(os.getpid(), 9)")
    with pytest.raises(RigError, match="signal 9"):
        boot(tmp_path)


def test_guest_that_vanishes_is_lost(on_path: Path, tmp_path: Path) -> None:
    stand_in(on_path, "open(serial, 'w').write('EXTSPT BOOT p 6.1\\nEXTSPT INSMOD v\\n')")
    with pytest.raises(LostGuest, match="ended without its last line") as caught:
        boot(tmp_path)
    assert isinstance(caught.value, GuestError) and caught.value.exit_code == 14
    assert [a.outcome for a in caught.value.output.attempts] == [Outcome.LOST.value]


def test_second_attempt_may_succeed(on_path: Path, tmp_path: Path,
                                    monkeypatch: pytest.MonkeyPatch) -> None:
    """The retry is recorded, and the console of the first attempt is kept."""
    monkeypatch.setenv("EXTSPT_BOOT_TIMEOUT", "0.5")
    flag = tmp_path / "flag"
    stand_in(on_path, f"""
import pathlib
flag = pathlib.Path({str(flag)!r})
open(console, 'w').write('hello')
if not flag.exists():
    flag.touch()
    time.sleep(60)
open(serial, 'w').write('EXTSPT BOOT p 6.1\\nEXTSPT END cases=0 status=0\\n')""")
    output = boot(tmp_path)
    assert [a.outcome for a in output.attempts] == ["no sign of life", "done"]
    assert (tmp_path / "out/console.attempt1.log").read_text() == "hello"


@pytest.mark.parametrize(("before", "attempts"), [
    ("", ["panic", "panic"]), ("EXTSPT BOOT p 6.1\\nEXTSPT INSMOD v\\n", ["panic"])])
def test_panic_is_tried_again_only_before_a_module_is_there(
        on_path: Path, tmp_path: Path, before: str, attempts: list[str]) -> None:
    stand_in(on_path, f"open(serial, 'w').write('{before}')\n"
                      "open(console, 'w').write('Kernel panic - not syncing: x\\n')")
    with pytest.raises(LostGuest, match="kernel died") as caught:
        boot(tmp_path)
    assert [a.outcome for a in caught.value.output.attempts] == attempts


def test_guest_that_ends_but_stays_is_ended(on_path: Path, tmp_path: Path,
                                            monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "GRACE_S", 0.3)
    stand_in(on_path, "open(serial, 'w').write('EXTSPT BOOT p 6\\nEXTSPT END cases=0 status=0\\n')"
                      "\ntime.sleep(60)")
    assert boot(tmp_path).attempts[0].outcome == "done"
