# SPDX-License-Identifier: GPL-2.0-only
"""GNU make's job server, for several makes that share the machine's CPUs.

A make under a job server may run one job by itself and takes a token from a pipe for each further
one (info make, "POSIX Jobserver"). Each worker here starts with the job its own make may run; a
worker that has no more makes to start puts that job into the pipe, so that the last makes use what
is left.
"""

from __future__ import annotations

import os
from types import TracebackType

_TOKEN = b"+"


class JobServer:
    """The pipe with ``spare`` tokens in it; a context manager that closes it."""

    def __init__(self, spare: int = 0) -> None:
        self._read, self._write = os.pipe()
        for _ in range(spare):
            self.give()

    @property
    def files(self) -> tuple[int, int]:
        """The file descriptors a make has to inherit."""
        return self._read, self._write

    @property
    def environment(self) -> dict[str, str]:
        """What tells a make of it. It must not be given a -j of its own."""
        return {"MAKEFLAGS": f" -j --jobserver-auth={self._read},{self._write}"}

    def give(self) -> None:
        """One job more for whoever wants it."""
        os.write(self._write, _TOKEN)

    def __enter__(self) -> JobServer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        os.close(self._read)
        os.close(self._write)
