# SPDX-License-Identifier: GPL-2.0-only
"""The only caller of other programs: argv lists, a timeout, an own process group, a log."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from generator.errors import RigError

_dry_run = False
_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1   # <linux/prctl.h>


def set_dry_run(on: bool) -> None:
    """With dry run on, run() prints commands to stdout and reports success."""
    global _dry_run  # one switch for the whole process, set once by the CLI
    _dry_run = on


def dry_run() -> bool:
    """Tell whether commands are only printed."""
    return _dry_run


@dataclass(frozen=True)
class Done:
    """Outcome of a finished program; ``output`` is stdout and stderr interleaved."""

    argv: tuple[str, ...]
    returncode: int
    output: str

    @property
    def ok(self) -> bool:
        return self.returncode == 0


def find(program: str) -> str | None:
    """Path of a program or None; looks in sbin too, which a user's PATH on Debian leaves out."""
    return shutil.which(program, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")


def which(program: str, package: str) -> str:
    """Path of a program, or a RigError that names the Debian package it is in."""
    path = find(program)
    if path is None:
        raise RigError(f"{program} is not installed", fix=f"run 'make setup', or install {package}")
    return path


def run(argv: Sequence[str | Path], *, timeout: float, cwd: Path | None = None,
        env: Mapping[str, str] | None = None, log: Path | None = None,
        pass_fds: Sequence[int] = ()) -> Done:
    """Run a program to its end and return its outcome; output goes to ``log`` too.

    ``pass_fds``: open files it gets besides the usual three.
    Raises RigError when it cannot be started or overruns ``timeout`` seconds.
    """
    args = tuple(str(a) for a in argv)
    if _dry_run:
        print(shlex.join(args))
        return Done(args, 0, "")
    return _finish(args, timeout=timeout, cwd=cwd, env=env, log=log, pass_fds=pass_fds)


def query(argv: Sequence[str | Path], *, timeout: float = 30.0, cwd: Path | None = None) -> Done:
    """Run a program that decides nothing; it runs in a dry run too. Errors as in run()."""
    return _finish(tuple(str(a) for a in argv), timeout=timeout, cwd=cwd)


def _finish(args: tuple[str, ...], *, timeout: float, cwd: Path | None = None,
            env: Mapping[str, str] | None = None, log: Path | None = None,
            pass_fds: Sequence[int] = ()) -> Done:
    with spawned(args, cwd=cwd, env=env, pass_fds=pass_fds) as child:
        try:
            output, _ = child.communicate(timeout=timeout)
        except subprocess.TimeoutExpired as overrun:
            raise RigError(f"no end after {timeout:g} s", where=shlex.join(args)) from overrun
    if log is not None:
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(f"$ {shlex.join(args)}\n{output}")
    return Done(args, child.returncode, output)


@contextlib.contextmanager
def spawned(argv: Sequence[str], *, cwd: Path | None = None, env: Mapping[str, str] | None = None,
            output: Path | None = None, grace: float = 3.0,
            pass_fds: Sequence[int] = ()) -> Iterator[subprocess.Popen[str]]:
    """A running program in its own process group, which is gone when the block ends.

    What it prints goes to the file ``output``; without one, to the child's stdout. ``grace``:
    seconds it has to end by itself when told to.
    """
    try:
        with contextlib.ExitStack() as files:
            child = subprocess.Popen(
                argv, cwd=cwd, env={**os.environ, **env} if env else None, text=True,
                errors="replace", stdin=subprocess.DEVNULL,
                stdout=files.enter_context(output.open("w")) if output else subprocess.PIPE,
                stderr=subprocess.STDOUT, start_new_session=True,
                pass_fds=tuple(pass_fds),
                preexec_fn=_die_with_parent)  # noqa: PLW1509 - one system call, no lock taken
    except OSError as error:
        raise RigError(f"cannot start {argv[0]}: {error.strerror}") from error
    try:
        yield child
    finally:
        end(child, grace)


def _die_with_parent() -> None:
    """In the child: TERM when we are gone, even killed. Make ends its jobs then, a guest itself."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def end(child: subprocess.Popen[str], grace: float = 3.0) -> None:
    """End a program and its group: TERM, then KILL after ``grace`` seconds."""
    for sig in (signal.SIGTERM, signal.SIGKILL):
        if child.poll() is not None:
            break
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, sig)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(grace)
    if child.stdout is not None:
        child.stdout.close()


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One process at a time works on ``folder``; another one says that it waits."""
    if _dry_run:
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            note(f"  WAIT    another extspt is at work in {folder.name}/")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def note(line: str) -> None:
    """One line of progress, on stderr: stdout is for results."""
    print(line, file=sys.stderr, flush=True)
