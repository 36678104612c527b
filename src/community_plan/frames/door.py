"""Door: frames of any library, on their way in and out."""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import attrs
import narwhals as nw

from community_plan.errors import AmbiguousColumnError, CommunityPlanError, Place, raise_faults
from community_plan.frames.engine import VERDICTS
from community_plan.frames.installed import some_frame

__all__ = [
    "as_frame",
    "cells_of",
    "doubled",
    "filled",
    "from_columns",
    "headers_of",
    "is_frame",
    "open_parquet",
    "scan_csv",
    "with_text",
]


_AGAIN = "\x00"
"""What narwhals is told that a column is called beyond its name for each one before it with the same: it takes none."""


def is_frame(data: object) -> bool:
    """Say whether narwhals knows this kind of object as a frame."""
    return isinstance(_wrapped(data), nw.DataFrame | nw.LazyFrame)


def as_frame(data: Any) -> nw.DataFrame[Any] | nw.LazyFrame[Any]:
    """Wrap a frame of any engine, as it is now: pandas copies what is written to it later (from version 3 on)."""
    frame: nw.DataFrame[Any] | nw.LazyFrame[Any] = _wrapped(data)
    return nw.from_native(frame.to_native().copy(deep=False)) if frame.implementation.is_pandas() else frame


def _wrapped(data: Any) -> Any:
    try:
        return nw.from_native(data, pass_through=True)
    except nw.exceptions.DuplicateError:  # of pandas or pyarrow; no other library has such frames in memory
        names = list(data.columns if hasattr(data, "set_axis") else data.column_names)
        apart = [f"{name}{_AGAIN * names[:place].count(name)}" for place, name in enumerate(names)]
        return nw.from_native(data.set_axis(apart, axis=1) if hasattr(data, "set_axis") else data.rename_columns(apart))


def headers_of(frame: nw.DataFrame[Any] | nw.LazyFrame[Any]) -> list[str]:
    """Return the column names of a frame; a name may stand there twice, and labels that are no text are left out.

    Raises:
        DataError: If the engine that holds the frame cannot tell any more.
    """
    if isinstance(frame, nw.DataFrame):
        names: list[object] = list(frame.columns)
        return [name.rstrip(_AGAIN) for name in names if isinstance(name, str)]
    implementation, data = frame.implementation, nw.to_native(frame)
    if implementation.is_duckdb():
        from community_plan.frames import duckdb_engine

        return duckdb_engine.headers_of(data)
    if implementation.is_pyspark() or implementation.is_pyspark_connect():
        from community_plan.frames import spark_engine

        return spark_engine.headers_of(data)
    return frame.collect_schema().names()


def doubled(headers: Sequence[str], needed: Iterable[str], place: Place) -> list[CommunityPlanError]:
    """Return a fault for each needed column that stands in a table twice: which of two is meant, nobody knows."""
    return [
        AmbiguousColumnError(
            f"two columns are headed {header!r}",
            place=attrs.evolve(place, column=header),
            mend="drop or rename one of them",
        )
        for header in dict.fromkeys(needed)
        if headers.count(header) > 1
    ]


def from_columns(
    columns: Mapping[str, Sequence[Any]],
    like: Any = None,
    *,
    doubles: Sequence[str] = (),
    verdicts: Sequence[str] = (),
) -> Any:
    """Return columns as a native frame: of the kind of an eager frame, else of an installed library.

    Args:
        columns: Header to cells.
        like: A frame whose kind is wanted.
        doubles: Columns that are doubles even where no cell says so.
        verdicts: Columns of verdicts.

    Raises:
        MissingDependencyError: If none of polars, pandas and pyarrow is installed.
    """
    given = like if isinstance(like, nw.DataFrame) else some_frame()
    known = None not in itertools.chain.from_iterable(columns[name] for name in verdicts)
    if known and all(importlib.util.find_spec(name) is not None for name in ("numpy", "nanoarrow")):
        from community_plan.frames.array_frames import frame_of_cells  # several times as fast

        return frame_of_cells(given, columns, doubles=doubles, verdicts=verdicts)
    backend: Any = given.implementation
    frame = nw.from_dict(dict(columns), backend=backend)
    # pyarrow has no type that names all the words.
    word = nw.Categorical() if frame.implementation.is_pyarrow() else nw.Enum(VERDICTS)
    schema = frame.schema
    empty = [name for name in doubles if not isinstance(schema[name], nw.Float64)]
    typed = [nw.col(*names).cast(type_) for names, type_ in ((empty, nw.Float64()), (verdicts, word)) if names]
    return frame.with_columns(*typed).to_native()


def with_text(data: Any, name: str, text: str, *, after: str) -> Any:
    """Return a native frame of any engine with a column that holds a text in every row; a lazy one stays lazy."""
    frame = as_frame(data)
    names = headers_of(frame)
    place = names.index(after) + 1
    return frame.select(*names[:place], nw.lit(text).alias(name), *names[place:]).to_native()


def cells_of(frame: nw.DataFrame[Any] | nw.LazyFrame[Any]) -> dict[str, list[Any]]:
    """Return a small frame as Python cells, every engine's idea of a missing one as None.

    Raises:
        AmbiguousColumnError: If two columns have the same name.
    """
    headers = headers_of(frame)
    raise_faults(doubled(headers, headers, Place()), subject="The table cannot be read")
    whole = frame.collect() if isinstance(frame, nw.LazyFrame) else frame
    return {name: [_cell(cell) for cell in cells] for name, cells in whole.to_dict(as_series=False).items()}


def _cell(cell: Any) -> Any:
    missing = cell is None or (not isinstance(cell, str) and str(cell) in ("nan", "<NA>", "NaT"))
    return None if missing else cell


def open_parquet(paths: Sequence[str], library: Literal["polars", "pyarrow"]) -> nw.DataFrame[Any] | nw.LazyFrame[Any]:
    """Open parquet files with an installed library: lazily with polars, in memory with pyarrow."""
    if library == "polars":
        from community_plan.frames.polars_frames import scan_parquet

        return as_frame(scan_parquet(paths))
    return nw.concat([nw.read_parquet(path, backend=library) for path in paths])


def filled(frame: nw.LazyFrame[Any], headers: Sequence[str]) -> list[str]:
    """Return those of some columns of a CSV file in which a cell is not empty."""
    from community_plan.frames.polars_frames import collected

    found = collected(nw.to_native(frame.select((nw.col(*headers) != "").any())))
    return [header for header in headers if found[header].item()]


def scan_csv(paths: Sequence[str], headers: Sequence[str], ends: Mapping[str, int]) -> nw.LazyFrame[Any]:
    """Open CSV files as a lazy frame of texts, with polars; of some no more than so many rows."""
    from community_plan.frames import polars_frames

    frame = as_frame(polars_frames.scan_csv(paths, headers, ends))
    assert isinstance(frame, nw.LazyFrame)
    return frame
