"""Costs: of a small call, and in memory."""

from __future__ import annotations

import functools
import hashlib
import time
from pathlib import Path
from typing import Any

from ..job import Job, case_of, group
from ..timing import peak, reset_peak, resident


@group
def fixed(job: Job) -> None:
    """What a call costs at least: a small table after the first call, and compiling."""
    import community_plan as cp
    from community_plan.programs import compile_program

    from .. import by_pandas, by_polars, library

    small = job.paths()
    frame, table = by_polars.read(small), by_pandas.read(small)
    kept = library.ready(frame)
    plan = library.plan()
    for by in (None, "county"):
        for contender, data in (("library", frame), ("library, pandas frame", table)):
            call = functools.partial(plan.evaluate, data, by=by, targets="main")
            job.repeat(f"{by or 'whole'}, alone", contender, call)
        job.race(
            by or "whole",
            {
                "library": lambda by=by: library.evaluate(frame, by),
                "floats": lambda by=by: by_polars.evaluate(frame, by),
                "library, prepared": lambda by=by: library.evaluate(kept, by),
                "library, pandas frame": lambda by=by: library.evaluate(table, by),
                "floats, pandas": lambda by=by: by_pandas.evaluate(table, by),
            },
        )
    plans = map(cp.load_plan, cp.bundled_plans())
    measures = dict.fromkeys(measure for each in plans for measure in library.every_target(each).values())
    thirty = list(measures)[:30]
    job.race("compile", {f"library, {len(thirty)} measures": lambda: compile_program(thirty, plan.variables)})


@group
def memory(job: Job) -> None:
    """One call in this process: its peak over the data it was given."""
    from .. import by_polars, library

    case, contender = case_of(job)
    by = None if case == "whole" else case

    def call(frame: Any) -> Any:
        if contender == "library":
            return library.communities(frame) if by == "community" else library.evaluate(frame, by)
        return by_polars.evaluate(frame, by)

    frame = by_polars.read(job.paths())
    call(frame.head(1000).clone())  # imports and caches
    before = resident()
    known = reset_peak()
    result = call(frame)
    most = peak()
    del result
    if known:
        job.write(case, contender, bytes=max(0, most - before), note=f"over data of {before / 2**20:,.0f} MiB")
    else:
        job.write(case, contender, bytes=most, note="whole process: this system cannot reset a peak")


@group
def process(job: Job) -> None:
    """A whole process from parquet files to results by county: its peak, and its time with imports.

    What the library found is kept as the digest of its JSON, which has to be the same whatever engine it used.
    """
    start = time.perf_counter()
    paths = job.paths()
    glob = str(Path(paths[0]).parent / "*.parquet")
    contender = job.case or ""
    found: Any = None
    match contender:
        case "library, path":
            from .. import library

            found = library.evaluate(glob, "county")
        case "library, lazy frame":
            import polars as pl

            from .. import library

            found = library.evaluate(pl.scan_parquet(glob), "county")
        case "library, DuckDB":
            import duckdb as engine

            from .. import library

            found = library.evaluate(engine.sql(f"FROM '{glob}'"), "county")
        case "library, Spark":
            from .. import library
            from .engines import spark_session

            found = library.evaluate(spark_session().read.parquet(glob), "county")
        case "polars":
            import polars as pl

            from .. import by_polars

            by_polars.evaluate(pl.scan_parquet(glob), "county")
        case "DuckDB":
            import duckdb as engine

            from ..by_sql import query

            engine.sql(query(f"'{glob}'", "county")).fetchall()
        case _:
            raise ValueError(contender)
    facts: dict[str, Any] = {"seconds": time.perf_counter() - start, "bytes": peak(), "repeats": 1}
    if found is not None:
        facts["digest"] = hashlib.sha256(found.to_json().encode()).hexdigest()
    if contender.endswith("Spark"):
        facts["note"] = "memory without that of Spark's own machine"
    job.write("county", contender, **facts)
