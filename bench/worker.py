"""Worker: one process of measurements, with the packages that it may know of. `python -m bench.worker JOB` runs it."""

from __future__ import annotations

import contextlib
import importlib.machinery
import json
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from .job import GROUPS, Job, case_of
from .races import costs, engines, frames, others  # noqa: F401 — each enters its groups
from .timing import describe


@contextlib.contextmanager
def not_installed(names: tuple[str, ...]) -> Iterator[None]:
    """Take packages for not installed: neither `import` nor `find_spec` finds them."""

    class Without(importlib.machinery.PathFinder):
        @classmethod
        def find_spec(cls, fullname: str, path: Any = None, target: Any = None) -> Any:
            if fullname.partition(".")[0] in names:
                return None
            return super().find_spec(fullname, path, target)

    before = list(sys.meta_path)
    sys.meta_path[:] = [Without if finder is importlib.machinery.PathFinder else finder for finder in before]
    try:
        yield
    finally:
        sys.meta_path[:] = before


def command(job: Job) -> list[str]:
    """Return the command line of a worker with a job."""
    return [sys.executable, "-m", "bench.worker", json.dumps(asdict(job))]


def main() -> None:
    given = json.loads(sys.argv[1])
    job = Job(**{**given, "without": tuple(given["without"])})
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    with not_installed(job.without):
        try:
            GROUPS[job.group](job)
        except Exception as fault:
            if job.case is None:
                raise
            case, contender = case_of(job)
            job.write(case, contender, error=describe(fault))


if __name__ == "__main__":
    main()
