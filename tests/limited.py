"""Python in a process of its own that may take so much memory and time and no more."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

_THREADS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # each reserves memory


def run_limited(
    source: str, *arguments: str | Path, memory: int = 2 * 2**30, seconds: int = 20
) -> str:
    """What a program prints, standard error included, whatever its exit status.

    Args:
        source: Python.
        arguments: what it finds in ``sys.argv``.
        memory: bytes of address space, of which an idle process with all libraries takes 1 GB.
        seconds: of CPU time; a process that only waits is ended after twice as many.
    """

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))

    done = subprocess.run(
        [sys.executable, "-c", source, *map(str, arguments)],
        env={**os.environ, **_THREADS},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=2 * seconds,
        check=False,
        preexec_fn=limit,
    )
    return done.stdout
