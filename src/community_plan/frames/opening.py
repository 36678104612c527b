"""Opening: which engine takes a frame."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import narwhals as nw

from community_plan.entry import Source, SourceColumn
from community_plan.errors import ColumnTypeError, CommunityPlanError, MissingDependencyError, raise_faults
from community_plan.frames import native_entry
from community_plan.frames.door import doubled, headers_of
from community_plan.frames.engine import Engine, can_compile, streams
from community_plan.grouping import Misread, Table, Way

if TYPE_CHECKING:
    from community_plan.frames.array_engine import ArrayEngine
    from community_plan.frames.stream_engine import StreamEngine
    from community_plan.frames.traces import Relation

__all__ = ["can_stream", "enter", "recalled", "remember"]


def enter(
    frame: nw.DataFrame[Any] | nw.LazyFrame[Any],
    source: Source,
    columns: Mapping[str, SourceColumn],
    *,
    labels: Mapping[str, str],
    unique: Sequence[str],
    way: Way,
    faults: list[CommunityPlanError],
) -> Table:
    """Turn a frame of any engine into whole numbers.

    DuckDB, Spark and polars evaluate what they hold; the columns of other frames in memory, and of small ones, are
    looked at as arrays; and so are rows that are only to be added up, as they come out of DuckDB.

    Args:
        frame: The user's frame.
        source: What table it is.
        columns: The columns to take, by variable id.
        labels: Key name to header, for columns that are grouped by and are no variable.
        unique: Headers that together name a row, the code first.
        way: How it is entered; streamed only if `can_stream` says that it can be.
        faults: Collects what is wrong.

    Raises:
        ColumnTypeError: If the type of a column is none that is read, or the files of a pattern do not have it alike.
        MissingDependencyError: If the frame needs numpy and it is not installed.
        Misread: If rows cannot be streamed after all.
    """
    if way.streamed and "code" in columns:  # what the rows themselves are called is no part of sums then
        columns = {name: column for name, column in columns.items() if name != "name"}
    headers = list(dict.fromkeys([*(column.header for column in columns.values()), *labels.values()]))
    faults += doubled(headers_of(frame), labels.values(), source.place())  # of variables this has been told already
    # Words of a category are compared as they are; every other text is cut, measured or read as a number.
    texts = {*(c.header for c in columns.values() if c.variable.type not in ("category", "quantity")), *labels.values()}
    if isinstance(frame, nw.LazyFrame) and frame.implementation.is_polars():
        from community_plan.frames.polars_frames import uneven

        _raise(faults, uneven(nw.to_native(frame), headers, source))
    engine: Engine
    try:
        engine, relation = _streamed(frame, way, headers) if way.streamed else _opened(frame, headers, way, texts)
    except ValueError as error:
        if isinstance(error, CommunityPlanError) or isinstance(frame, nw.LazyFrame):
            raise
        _raise(faults, _unreadable(frame, headers, source))
        engine, relation = _opened(frame.select(*headers), headers, way, texts)  # nobody reads what cannot be read
    if engine.in_memory or way.streamed:
        engine.looks = []  # for the next table of its kind
    table = native_entry.enter(
        engine, relation, source, columns, labels=labels, unique=unique, careful=way.careful, faults=faults
    )
    if way.streamed and faults:
        raise Misread(relation.rows)  # to be told in the words of the engine
    return table


def _raise(faults: Sequence[CommunityPlanError], more: Sequence[CommunityPlanError]) -> None:
    """Raise what was found before together with what makes it impossible to go on."""
    if more:
        raise_faults([*faults, *more], subject="The data cannot be evaluated")


def _unreadable(frame: nw.DataFrame[Any], headers: Sequence[str], source: Source) -> list[CommunityPlanError]:
    """Return a fault for each column of a type that narwhals does not know: a decimal of less than 0 places."""
    faults: list[CommunityPlanError] = []
    for header in headers:
        try:
            _ = frame.get_column(header).dtype
        except ValueError as error:
            problem = f"expected a type that every library has, got another: {error}"
            mend = f"cast {header!r} to text, or to numbers"
            faults.append(ColumnTypeError(problem, place=source.place(column=header), mend=mend))
    return faults


def can_stream(frame: nw.DataFrame[Any] | nw.LazyFrame[Any]) -> bool:
    """Say whether the rows of a frame are added up fastest by loops over arrays, as they come out of its engine."""
    return frame.implementation.is_duckdb() and streams()


def _streamed(
    frame: nw.DataFrame[Any] | nw.LazyFrame[Any], way: Way, headers: Sequence[str]
) -> tuple[StreamEngine, Relation]:
    """Return columns as they come out of their engine; rows that have been read are not asked for again."""
    if not headers:  # whatever is asked for, it is no sum of a column
        raise Misread
    from community_plan.frames.duckdb_engine import stream_of
    from community_plan.frames.stream_engine import open_stream

    if tuple(headers) not in way.opened:
        way.held.close()  # an engine may have one reading at a time
        way.opened.clear()
        way.opened[tuple(headers)] = open_stream(stream_of(nw.to_native(frame)), headers, way.held)
    found: tuple[StreamEngine, Relation] = way.opened[tuple(headers)]
    return found


_SMALL = 2**16
"""Rows up to which a query of polars costs more than the work itself."""
_EXACT = (nw.Decimal, nw.Int128, nw.UInt128)
"""Types of numbers that arrays do not have."""


def _polars_is_there() -> bool:
    return importlib.util.find_spec("polars") is not None


def _opened(
    frame: nw.DataFrame[Any] | nw.LazyFrame[Any], headers: Sequence[str], way: Way, texts: Collection[str]
) -> tuple[Engine, Any]:
    implementation = frame.implementation
    data = nw.to_native(frame)
    if implementation.is_duckdb():
        from community_plan.frames.duckdb_engine import open_duckdb

        return open_duckdb(data, headers, careful=way.careful, seen=way.seen)
    if implementation.is_pyspark() or implementation.is_pyspark_connect():
        from community_plan.frames.spark_engine import open_spark

        return open_spark(data, headers, careful=way.careful)
    lazy = implementation.is_polars() and isinstance(frame, nw.LazyFrame)
    if lazy or (isinstance(frame, nw.DataFrame) and _suits_polars(frame, headers)):
        from community_plan.frames.polars_engine import open_polars

        found = open_polars(data, headers, texts)
        if found is not None:
            return found
    lacking = [name for name in ("numpy", "nanoarrow") if importlib.util.find_spec(name) is None]
    if lacking:  # pyarrow may come without them
        raise MissingDependencyError(" and ".join(lacking), extra="memory", purpose="evaluating a frame in memory")
    from community_plan.frames.array_engine import open_arrays

    return open_arrays(frame, headers)


def _suits_polars(frame: nw.DataFrame[Any], headers: Sequence[str]) -> bool:
    """Say whether polars evaluates a frame in memory: decimals, and large frames of its own if nothing is compiled."""
    implementation = frame.implementation
    if implementation.is_polars() and len(frame) > _SMALL and not can_compile():
        return True
    ours = implementation.is_polars() or implementation.is_pandas() or implementation.is_pyarrow()
    return ours and _polars_is_there() and any(isinstance(frame.get_column(header).dtype, _EXACT) for header in headers)


def recalled(memory: Mapping[Any, Any], key: Any, frame: Any, way: Way) -> tuple[Table, Any] | None:
    """Return a table for a frame as it was written for another of its kind, with what was told of that one.

    Raises:
        Misread: If rows are to be streamed and cannot.
    """
    if key not in memory:
        return None
    opened: Callable[[Sequence[str]], tuple[ArrayEngine, Relation]]
    if way.streamed:
        opened = functools.partial(_streamed, frame, way)
    elif isinstance(frame, nw.DataFrame) and not _suits_polars(frame, ()):
        from community_plan.frames.array_engine import open_arrays

        opened = functools.partial(open_arrays, frame)
    else:
        return None
    from community_plan.frames import memory as written

    return written.recall(memory, key, opened)


def remember(memory: dict[Any, Any], key: Any, table: Any, told: Any) -> None:
    """Keep how a table was written for the next one of its kind; nothing of its data is kept."""
    if getattr(getattr(table, "engine", None), "looks", None) is not None:
        from community_plan.frames import memory as written

        written.remember(memory, key, table, told)
