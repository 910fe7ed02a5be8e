# SPDX-License-Identifier: GPL-2.0-only
"""The ``extspt`` command: finds the verbs, and is the only place that catches errors."""

from __future__ import annotations

import argparse
import errno
import importlib
import importlib.metadata
import os
import pkgutil
import sys
import traceback
from collections.abc import Sequence
from typing import Protocol, cast

from generator import proc, verbs
from generator.errors import ExtsptError, RigError, unknown

INTERRUPTED = 130
#: errno -> what it means, and the mend.
_DISK = {errno.ENOSPC: ("the disk is full", "make room"),
         errno.EDQUOT: ("the disk quota is used up", "make room"),
         errno.EROFS: ("the file system is read-only", "mount it writable, or set EXTSPT_ROOT to a "
                       "copy of kmod/ and variants/ in a place that is"),
         errno.EACCES: ("permission denied", "give this user the right to it"),
         errno.EMFILE: ("too many open files", "raise ulimit -n"),
         errno.EIO: ("input/output error", "see the kernel's log: is the disk sound?")}


class Verb(Protocol):
    """What each module of generator/verbs offers."""

    HELP: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, args: argparse.Namespace) -> int: ...


def verb_names() -> list[str]:
    """All verbs, by file name."""
    return sorted(module.name for module in pkgutil.iter_modules(verbs.__path__))


def load_verb(name: str) -> Verb:
    """The module of one verb; UsageError that lists the known ones."""
    if name not in verb_names():
        raise unknown("verb", name, verb_names())
    return cast(Verb, importlib.import_module(f"{verbs.__name__}.{name}"))


def verb_parser(name: str) -> argparse.ArgumentParser:
    """Parser of one verb with the options every verb has."""
    verb = load_verb(name)
    parser = argparse.ArgumentParser(prog=f"extspt {name}", description=verb.HELP,
                                     allow_abbrev=False)
    _add_common(parser)
    verb.add_arguments(parser)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                _add_common(below, argparse.SUPPRESS)
    return parser


def _add_common(parser: argparse.ArgumentParser, unset: str | None = None) -> None:
    """The options of every verb and action; ``unset``: leave alone what the verb's parser set."""
    common = parser.add_argument_group("common options")
    common.add_argument("-v", "--verbose", action="count", default=unset or 0,
                        help="say more; twice: show a traceback on errors")
    common.add_argument("-n", "--dry-run", action="store_true", default=unset or False,
                        help="print the commands, do nothing")
    common.add_argument("--json", action="store_true", default=unset or False,
                        help="print the result as JSON")


def call(name: str, argv: Sequence[str]) -> int:
    """Run one verb with its arguments; errors pass through."""
    args = verb_parser(name).parse_args(argv)
    before = proc.dry_run()
    proc.set_dry_run(before or args.dry_run)
    try:
        return load_verb(name).run(args)
    finally:
        proc.set_dry_run(before)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code of the stage that failed, or of the verb."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        code = _dispatch(words)
        sys.stdout.flush()
        return code
    except ExtsptError as error:
        return _report(error, words)
    except KeyboardInterrupt as interrupt:
        print(f"\ninterrupted{_tail(interrupt)}", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader left; keep Python from complaining about it once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        return _report(_rig(error), words, cause=error)
    except Exception as error:
        return _report(ExtsptError(f"{type(error).__name__}: {error}",
                                   fix="a fault of extspt-bench itself; -vv shows where"),
                       words, cause=error)


def _dispatch(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        print(_overview())
        return 0 if words else 2
    if words[0] in ("-V", "--version"):
        print(f"extspt {importlib.metadata.version('extspt-bench')}")
        return 0
    return call(words[0], words[1:])


def _overview() -> str:
    lines = ["usage: extspt <verb> [options]    (extspt <verb> --help)", "", "verbs:"]
    lines += [f"  {name:<12}{load_verb(name).HELP}" for name in verb_names()]
    return "\n".join(lines)


def _tail(interrupt: KeyboardInterrupt) -> str:
    return f": {interrupt}" if str(interrupt) else ""


def _rig(error: OSError) -> ExtsptError:
    """A disk's refusal in the words of the user; anything else names the errno."""
    said, mend = _DISK.get(error.errno or 0, (error.strerror or str(error), "mend it"))
    return RigError(said, where=str(error.filename or ""),
                    fix=f"{mend}, then repeat; nothing that was finished before is touched")


def _report(error: ExtsptError, words: Sequence[str], cause: BaseException | None = None) -> int:
    """Print what, where, what to do and the evidence; a traceback only with -vv."""
    if _very_verbose(words):
        traceback.print_exception(cause or error)
    place = f"{error.where}: " if error.where else ""
    print(f"extspt: {error.stage}: {place}{error.what}", file=sys.stderr)
    if error.fix:
        print(f"  {error.fix}", file=sys.stderr)
    for line in error.evidence.splitlines():
        print(f"  | {line}", file=sys.stderr)
    return error.exit_code


def _very_verbose(words: Sequence[str]) -> bool:
    flags = "".join(word[1:] for word in words if word.startswith("-")
                    and not word.startswith("--") and set(word[1:]) <= set("vn"))
    return flags.count("v") + words.count("--verbose") >= 2
