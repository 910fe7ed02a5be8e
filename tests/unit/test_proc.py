# SPDX-License-Identifier: GPL-2.0-only
"""Programs end: with their output, at their timeout, and with everything they started."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from generator import proc
from generator.errors import RigError


def test_output_of_both_streams_and_log(tmp_path: Path) -> None:
    log = tmp_path / "deep" / "log"
    done = proc.run(["sh", "-c", "echo one; echo two >&2; exit 3"], timeout=10, log=log)
    assert (done.returncode, done.ok, done.output) == (3, False, "one\ntwo\n")
    assert log.read_text() == "$ sh -c 'echo one; echo two >&2; exit 3'\none\ntwo\n"


def test_environment_and_folder(tmp_path: Path) -> None:
    done = proc.run(["sh", "-c", 'echo "$EXTSPT_X" "$PWD"'], timeout=10, cwd=tmp_path,
                    env={"EXTSPT_X": "y"})
    assert done.output == f"y {tmp_path}\n"


def test_bytes_that_are_no_text() -> None:
    assert "\ufffd" in proc.run(["printf", r"\377"], timeout=10).output


def test_timeout_ends_the_whole_group(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    begun = time.monotonic()
    with pytest.raises(RigError, match=r"no end after 0\.5 s"):
        proc.run(["sh", "-c", f"sleep 60 & echo $! > {pid_file}; wait"], timeout=0.5)
    assert time.monotonic() - begun < 10
    grandchild = int(pid_file.read_text())
    stat = Path(f"/proc/{grandchild}/stat")
    for _ in range(50):
        if not stat.exists() or stat.read_text().split()[2] == "Z":
            return
        time.sleep(0.1)
    os.kill(grandchild, 9)
    pytest.fail("the sleep outlived its group")


def test_program_that_is_not_there() -> None:
    with pytest.raises(RigError, match="cannot start extspt-no-such-program"):
        proc.run(["extspt-no-such-program"], timeout=1)
    with pytest.raises(RigError, match="is not installed") as caught:
        proc.which("extspt-no-such-program", "some-package")
    assert "some-package" in caught.value.fix


def test_sbin_is_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    assert proc.find("modinfo") is not None     # a Debian user's PATH has no sbin
    assert proc.find("extspt-no-such-program") is None


def test_dry_run_prints_and_only_queries_run(capsys: pytest.CaptureFixture[str],
                                             tmp_path: Path) -> None:
    proc.set_dry_run(True)
    made = tmp_path / "made"
    assert proc.run(["touch", made], timeout=1).ok
    assert not made.exists()
    assert capsys.readouterr().out == f"touch {made}\n"
    assert proc.query([sys.executable, "-c", "print(7)"]).output == "7\n"
    assert capsys.readouterr().out == ""


def test_one_process_at_a_time_in_a_folder(tmp_path: Path,
                                           capsys: pytest.CaptureFixture[str]) -> None:
    order: list[str] = []

    def second() -> None:
        with proc.alone(tmp_path):
            order.append("second")

    with proc.alone(tmp_path):
        other = threading.Thread(target=second)
        other.start()
        while "WAIT" not in capsys.readouterr().err:
            time.sleep(0.01)
        order.append("first")
    other.join(10)
    assert order == ["first", "second"]


def test_child_goes_with_a_killed_parent() -> None:
    """Nobody can tidy up after SIGKILL; a guest must not run on."""
    code = ("from generator import proc\n"
            "with proc.spawned(['sleep', '60']) as child:\n"
            "    print(child.pid, flush=True)\n"
            "    child.wait()\n")
    with subprocess.Popen([sys.executable, "-c", code], text=True,
                          stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 5
    while running(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not running(child)


def running(pid: int) -> bool:
    """Whether there is such a process that is no zombie; its new parent may be slow to reap."""
    try:
        return f"{pid} (sleep) Z" not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
