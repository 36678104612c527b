"""Frames in memory: polars, pandas and pyarrow, each against what is written by hand for it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..job import Job, agree, group
from ..ten import LEVELS


@group
def polars(job: Job) -> None:
    """polars: by level, community and all together, against floats and exact integers by hand."""
    from .. import by_polars, library

    frame = by_polars.read(job.paths())
    asked = job.asked(frame)
    against_hand(job, lambda: asked, functools.partial(by_polars.evaluate, frame), by_polars.read_answers)
    job.race(
        "together",
        {
            "library": lambda: library.together(asked),
            "floats": lambda: by_polars.together(frame),
            "integers": lambda: by_polars.together(frame, exact=True),
        },
    )


def against_hand(
    job: Job, asked: Callable[[], Any], hand: Callable[..., Any], read: Callable[[Any, Any], Any], **options: Any
) -> None:
    """Race the library by level and by community against floats and exact integers by hand.

    Args:
        job: The job.
        asked: Gives what the library is asked about.
        hand: What is written by hand.
        read: Reads what that found.
        options: Of each race.
    """
    from .. import library

    for by in (None, *LEVELS):
        job.race(
            by or "whole",
            {
                "library": lambda by=by: library.evaluate(asked(), by),
                "floats": lambda by=by: hand(by),
                "integers": lambda by=by: hand(by, exact=True),
            },
            agree(by, {"floats": (read, {}), "integers": (read, {"verdicts": True})}, rows=job.rows),
            **options,
        )
    job.race(
        "community",
        {
            "library": lambda: library.communities(asked()),
            "floats": lambda: hand("community"),
            "integers": lambda: hand("community", exact=True),
        },
        **options,
    )


@group
def panel(job: Job) -> None:
    """polars: a panel of five years, by year and county."""
    from .. import by_polars, library

    frame = by_polars.read(job.paths(communities=job.rows // 5, years=5))
    by = ["year", "county"]
    job.race(
        "year-county",
        {
            "library": lambda: library.evaluate(frame, by),
            "floats": lambda: by_polars.evaluate(frame, by),
            "integers": lambda: by_polars.evaluate(frame, by, exact=True),
        },
        agree(by, {"floats": (by_polars.read_answers, {}), "integers": (by_polars.read_answers, {"verdicts": True})}),
    )


@group
def shuffled(job: Job) -> None:
    """polars, pandas and DuckDB: rows in no order, by county and township."""
    import duckdb

    from .. import by_pandas, by_polars, by_pyarrow, library
    from ..by_sql import query

    paths = job.paths(shuffled=True)
    link = duckdb.connect()
    link.execute("CREATE TABLE t AS SELECT * FROM read_parquet($1)", [paths])
    frame, pandas_frame = by_polars.read(paths), by_pandas.read(paths)
    kinds: dict[str, tuple[Callable[[], Any], Callable[[str], Any], Callable[..., Any]]] = {
        "polars": (lambda: frame, lambda by: by_polars.evaluate(frame, by), by_polars.read_answers),
        "pandas": (lambda: pandas_frame, lambda by: by_pandas.evaluate(pandas_frame, by), by_pandas.read_answers),
        "DuckDB": (
            lambda: link.sql("FROM t"),
            lambda by: link.sql(query("t", by)).to_arrow_table(),
            by_pyarrow.read_answers,
        ),
    }
    for by in ("county", "township"):
        for kind, (asked, by_hand, read) in kinds.items():
            job.race(
                f"{by}, {kind}",
                {
                    "library": lambda by=by, asked=asked: library.evaluate(asked(), by),
                    "floats": lambda by=by, by_hand=by_hand: by_hand(by),
                },
                agree(by, {"floats": (read, {})}, rows=job.rows),
                warm=3,
            )


@group
def indicators(job: Job) -> None:
    """polars: every target of the communities table against the ten of the plan's table, by county."""
    from .. import by_polars

    more_targets(job, by_polars.read(job.paths(wide=True)))


def more_targets(job: Job, frame: Any, **options: Any) -> None:
    from .. import library

    every = list(library.every_target())
    job.race(
        "county",
        {
            f"library, {len(every)} targets": lambda: library.evaluate(frame, "county", every),
            "library": lambda: library.evaluate(frame, "county"),
        },
        notes={f"library, {len(every)} targets": "targets= every target that reads the communities table alone"},
        **options,
    )


def _own_frames(job: Job, hand: Any) -> None:
    """Race the library on frames of a kind against what is written by hand for that kind."""
    from .. import library

    frame = hand.read(job.paths())
    asked = job.asked(frame)
    for by in (None, *LEVELS):
        job.race(
            by or "whole",
            {"library": lambda by=by: library.evaluate(asked, by), "floats": lambda by=by: hand.evaluate(frame, by)},
            agree(by, {"floats": (hand.read_answers, {})}, rows=job.rows),
        )
    job.race(
        "community",
        {"library": lambda: library.communities(asked), "floats": lambda: hand.evaluate(frame, "community")},
    )
    job.race("together", {"library": lambda: library.together(asked), "floats": lambda: hand.together(frame)})


@group
def pandas(job: Job) -> None:
    """pandas against pandas."""
    from .. import by_pandas

    _own_frames(job, by_pandas)


@group
def pyarrow(job: Job) -> None:
    """pyarrow against pyarrow."""
    from .. import by_pyarrow

    _own_frames(job, by_pyarrow)
