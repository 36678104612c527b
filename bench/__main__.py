"""Run the benchmarks: `python -m bench` in about ten minutes, `--full` with ten million rows, `--quick` to try it.

Each group of measurements is a process of its own, watched for time and memory. The report is printed as Markdown and
kept as JSON; with `--publish` it goes where the documentation takes its numbers from.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import importlib.metadata
import importlib.util
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from . import data
from .job import Job, case_of
from .report import PUBLISHED, markdown
from .report import load as load_report
from .worker import command

LIBRARIES = ("polars", "pandas", "pyarrow", "narwhals", "pint", "attrs", "duckdb", "pyspark", "openfisca-core",
             "pandera", "numpy", "llvmlite")  # fmt: skip
NEEDS = {
    "spark": "pyspark",
    "spark_indicators": "pyspark",
    "openfisca": "openfisca_core",
    "pandera": "pandera",
    "duckdb": "duckdb",
}
NORMAL, LARGE, SMALL = 650_000, 10_000_000, 1_000
MEMORY_CASES = tuple(
    f"{case}/{contender}" for case in ("whole", "county", "community") for contender in ("library", "floats")
)
PROCESS_CASES = ("library, path", "library, lazy frame", "library, DuckDB", "library, Spark", "polars", "DuckDB")


def jobs(options: argparse.Namespace, out: str) -> list[Job]:
    """Return what is to be done, in order."""
    sizes = options.rows or ([20_000] if options.quick else [NORMAL, LARGE] if options.full else [NORMAL])
    budget = options.budget or (0.5 if options.quick else 4.0)
    cache = str(options.cache)
    wanted = set(options.engines.split(",")) if options.engines else None

    def job(group: str, rows: int, **more: Any) -> Job:
        most = budget * (1 if rows <= NORMAL else 4)
        return Job(group=group, rows=rows, budget=most, out=out, cache=cache, **more)

    found = [job("fixed", SMALL)]
    for rows in sizes:
        small = rows <= NORMAL
        found += [job("polars", rows), job("polars", rows, prepared=True)]
        if small or wanted:  # else what does not scale otherwise is measured at the smaller size alone
            found += [job("polars", rows, without=("llvmlite",))]
            found += [job("panel", rows), job("shuffled", rows), job("indicators", rows)]
            found += [job("pandas", rows), job("pandas", rows, prepared=True)]
            found += [job("pandas", rows, without=("polars",)), job("pandas", rows, without=("llvmlite",))]
            found += [job("pyarrow", rows), job("pyarrow", rows, prepared=True)]
            found += [job("pyarrow", rows, without=("polars",))]
        found += [job("duckdb", size) for size in ([100_000, rows] if rows == NORMAL else [rows])]
        found += [job("duckdb", rows, prepared=True)]
        found += [job("spark", rows), job("spark", rows, prepared=True)]
        if small or options.openfisca_large:
            found += [job("openfisca", rows)]
        if small:
            found += [job("spark_indicators", rows)]
            found += [job("pint", rows), job("pandera", rows)]
        found += [job("memory", rows, case=case) for case in MEMORY_CASES]
        found += [job("process", rows, case=case) for case in PROCESS_CASES]
    return [each for each in found if wanted is None or {each.group, each.title} & wanted]


def run(job: Job, *, limit: float, most_bytes: int) -> str | None:
    """Run a worker to its end; return why it did not come to one."""
    missing = NEEDS.get(job.group)
    if missing and importlib.util.find_spec(missing) is None:
        return f"{missing} is not installed"
    root = Path(__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])}
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command(job), cwd=root, stdout=said, stderr=said, env=environment, start_new_session=True
        )
        reason = None
        start = time.monotonic()
        try:
            while process.poll() is None:
                time.sleep(0.2)
                if time.monotonic() - start > limit:
                    reason = f"stopped after {limit:.0f} s"
                elif held(process.pid) > most_bytes:
                    reason = f"stopped at {most_bytes / 2**30:.0f} GiB"
                if reason:
                    break
        finally:
            end(process)
        if reason or not process.returncode:
            return reason
        said.seek(0)
        lines = said.read().decode("utf-8", "replace").strip().splitlines() or [f"ended with {process.returncode}"]
        return lines[-1][:160]


def end(process: subprocess.Popen[bytes]) -> None:
    """End a worker, and what it started, if it still runs."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # the session is the worker's own: Spark's machine is in it
        process.wait()


def held(pid: int) -> int:
    """Return the bytes that a process and those it started hold; 0 where the system does not say."""
    total = 0
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
            if int(fields[3]) == pid:  # its session
                total += int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
        except (OSError, IndexError, ValueError):
            continue
    return total


def machine() -> dict[str, Any]:
    facts: dict[str, Any] = {"system": f"{platform.system()} {platform.machine()}"}
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        facts["processor"] = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    facts["cores"] = f"{len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()} cores"
    facts["memory"] = f"{memory() / 2**30:.0f} GiB"
    facts["python"] = f"Python {platform.python_version()}"
    return facts


def busy() -> list[float]:
    """Return how many processes wanted to run in the last minute: beyond the cores, times say little."""
    return [os.getloadavg()[0]] if hasattr(os, "getloadavg") else []


def memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def versions() -> dict[str, str]:
    found = {}
    for name in ("community-plan", *LIBRARIES):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def revision() -> str | None:
    """Return the commit of the library that was measured, if git knows it."""
    found = importlib.util.find_spec("community_plan")
    if found is None or found.origin is None:
        return None
    published = f":(top,exclude){PUBLISHED.relative_to(Path(__file__).parents[1])}"  # changes with every run
    changes = ["status", "--porcelain", "--untracked-files=no", "--", ":/", published]
    try:
        said = [
            subprocess.run(["git", *words], cwd=Path(found.origin).parent, capture_output=True, check=True).stdout
            for words in (["describe", "--always"], changes)
        ]
    except (OSError, subprocess.CalledProcessError):
        return None
    return said[0].decode().strip() + ("-dirty" if said[1] else "")


def main(arguments: Iterable[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Compare the library with what else there is.")
    parser.add_argument("--rows", type=int, action="append", help="communities; may be given several times")
    parser.add_argument("--engines", help="groups to run, such as polars,pandas prepared,memory")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="20,000 rows: try that everything runs")
    size.add_argument("--full", action="store_true", help=f"also {LARGE:,} rows")
    parser.add_argument("--openfisca-large", action="store_true", help="OpenFisca beyond 650,000 rows: it takes 11 GB")
    parser.add_argument("--budget", type=float, help="seconds for the repeats of one case at 650,000 rows")
    parser.add_argument("--limit", type=float, default=900, help="seconds after which a process is stopped")
    parser.add_argument("--memory", type=float, default=memory() * 0.85 / 2**30, help="GiB at which it is stopped")
    parser.add_argument("--cache", type=Path, default=data.CACHE, help="folder for the data")
    parser.add_argument("--out", type=Path, default=data.CACHE / "report.json", help="file for the report")
    parser.add_argument("--publish", action="store_true", help=f"write {PUBLISHED.name} for the documentation")
    parser.add_argument(
        "--keep", action="store_true", help="publish beside what was published of other groups or sizes"
    )
    options = parser.parse_args(None if arguments is None else list(arguments))
    start, load = dt.datetime.now(dt.UTC), busy()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "lines.jsonl"
        out.touch()
        for job in jobs(options, str(out)):
            started = time.monotonic()
            print(f"{job.title} {job.rows:,} {job.case or ''}", end=" ", file=sys.stderr, flush=True)
            _write_data(job)
            reason = run(job, limit=options.limit, most_bytes=int(options.memory * 2**30))
            if reason:
                job.write(*case_of(job), error=reason)
            print(f"{time.monotonic() - started:.0f} s {reason or ''}", file=sys.stderr, flush=True)
        lines = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    compare_digests(lines)
    report = {
        "date": start.date().isoformat(),
        "machine": machine(),
        "load": [*load, *busy()],
        "versions": versions(),
        "revision": revision(),
        "measurements": lines,
    }
    if options.publish and options.keep:
        report = kept_beside(report, load_report())
    path = PUBLISHED if options.publish else options.out
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, ensure_ascii=False, indent=1) + "\n", "utf-8")
    print(markdown(report))
    wrong = [line for line in lines if line.get("disagreement")]
    for line in wrong:
        print(f"DISAGREEMENT {line['group']} {line['rows']:,} {line['case']}: {line['disagreement']}", file=sys.stderr)
    return 1 if wrong else 0


def kept_beside(report: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """Return a report with the lines of an earlier one that it has no group of that size for, which say their run."""
    measured = {(line["group"], line["rows"]) for line in report["measurements"]}
    run = ", ".join(filter(None, [before["date"], before.get("revision")]))
    kept = [{"run": run, **line} for line in before["measurements"] if (line["group"], line["rows"]) not in measured]
    return {**report, "measurements": [*report["measurements"], *kept]}


def compare_digests(lines: list[dict[str, Any]]) -> None:
    """Mark the lines of processes in which the library found other bytes than in the first one over the same data."""
    first: dict[tuple[str, int], str] = {}
    for line in lines:
        if line.get("digest") and line["digest"] != first.setdefault((line["group"], line["rows"]), line["digest"]):
            line["disagreement"] = f"{line['contender']}: other bytes than from the first process"


def _write_data(job: Job) -> None:
    """Have the data there before the worker starts, so that its memory is not the generator's."""
    options: dict[str, dict[str, Any]] = {
        "panel": {"communities": job.rows // 5, "years": 5},
        "shuffled": {"shuffled": True},
        "indicators": {"wide": True},
        "spark_indicators": {"wide": True},
    }
    job.paths(**options.get(job.group, {}))


if __name__ == "__main__":
    sys.exit(main())
