"""Engines: DuckDB and Spark, against SQL by hand."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ..job import Job, group
from ..timing import describe
from .frames import against_hand, more_targets


@group
def duckdb(job: Job) -> None:
    """DuckDB: a relation over a table of its own, against SQL by hand."""
    import duckdb as engine

    from .. import by_pyarrow
    from ..by_sql import query

    link = engine.connect()
    link.execute("CREATE TABLE t AS SELECT * FROM read_parquet($1)", [job.paths()])

    def run(by: str | None, *, exact: bool = False) -> Any:
        return link.sql(query("t", by, exact=exact)).to_arrow_table()

    kept = job.asked(link.sql("FROM t"))

    def asked() -> Any:
        return kept if job.prepared else link.sql("FROM t")

    # DuckDB takes several times as long for a column of texts when it is first read.
    against_hand(job, asked, run, by_pyarrow.read_answers, warm=3)


def spark_session() -> Any:
    """Return a session of two threads in this process."""
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master("local[2]")
        .appName("bench")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.memory", "8g")
        .config("spark.sql.shuffle.partitions", "4")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    return session


@group
def spark(job: Job) -> None:
    """Spark local[2]: a cached table, against SQL by hand; and what of the time is planning."""
    from pyspark.sql.classic.dataframe import DataFrame

    from .. import by_pyarrow, library
    from ..by_sql import query

    session = spark_session()
    table = session.read.parquet(*job.paths()).cache()
    table.createOrReplaceTempView("t")
    table.count()
    kept = job.asked(table)

    def asked() -> Any:
        return kept if job.prepared else session.table("t")

    def run(by: str | None, *, exact: bool = False) -> Any:
        found = session.sql(query("t", by, exact=exact))
        return library.computed(found) if by == "community" else found.toArrow()

    try:
        # The virtual machine compiles what it runs often.
        against_hand(job, asked, run, by_pyarrow.read_answers, warm=4)
        _planning(job, DataFrame, session, asked)
    finally:
        session.stop()


@group
def spark_indicators(job: Job) -> None:
    """Spark local[2]: every target of the communities table against the ten of the plan's table, by county."""
    session = spark_session()
    try:
        table = session.read.parquet(*job.paths(wide=True)).cache()
        table.count()
        more_targets(job, table, warm=4)
    finally:
        session.stop()


def _planning(job: Job, kind: type, session: Any, asked: Callable[[], Any]) -> None:
    """Time what is left of a call when the time inside Spark's actions is taken away."""
    from .. import library
    from ..by_sql import query

    inside = 0.0
    depth = 0

    def watched(action: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            nonlocal inside, depth
            depth += 1
            start = time.perf_counter()
            try:
                return action(*args, **options)
            finally:
                depth -= 1
                if not depth:
                    inside += time.perf_counter() - start

        return call

    names = ("collect", "toArrow", "toPandas", "count", "first", "head", "take", "toLocalIterator", "isEmpty")
    kept = {name: getattr(kind, name) for name in names if hasattr(kind, name)}
    for name, action in kept.items():
        setattr(kind, name, watched(action))

    def planned(call: Callable[[], Any]) -> float:
        nonlocal inside
        inside = 0.0
        start = time.perf_counter()
        call()
        return time.perf_counter() - start - inside

    calls = {
        "library": lambda: library.evaluate(asked(), "county"),
        "floats": lambda: session.sql(query("t", "county")).toArrow(),
    }
    try:
        for name, call in calls.items():
            try:
                times = sorted(planned(call) for _ in range(5))
                facts: dict[str, Any] = {"seconds": times[2], "low": times[1], "high": times[3], "repeats": 5}
            except Exception as fault:  # as in a race
                facts = {"error": describe(fault)}
            job.write("planning", name, **facts, note="time outside Spark's actions, by county")
    finally:
        for name, action in kept.items():
            setattr(kind, name, action)
