"""Door: frames of any library, on their way in and out."""

from __future__ import annotations

import functools
import importlib.util
import itertools
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import narwhals as nw

from community_plan.errors import MissingDependencyError
from community_plan.frames.engine import VERDICTS

__all__ = [
    "as_frame",
    "cells_of",
    "filled",
    "from_columns",
    "headers_of",
    "is_frame",
    "open_parquet",
    "scan_csv",
    "some_frame",
]


def is_frame(data: object) -> bool:
    """Say whether narwhals knows this kind of object as a frame."""
    return isinstance(nw.from_native(data, pass_through=True), nw.DataFrame | nw.LazyFrame)


def as_frame(data: Any) -> nw.DataFrame[Any] | nw.LazyFrame[Any]:
    """Wrap a frame of any engine, as it is now: pandas copies what is written to it later (from version 3 on)."""
    frame: nw.DataFrame[Any] | nw.LazyFrame[Any] = nw.from_native(data)
    return nw.from_native(frame.to_native().copy(deep=False)) if frame.implementation.is_pandas() else frame


def headers_of(frame: nw.DataFrame[Any] | nw.LazyFrame[Any]) -> list[str]:
    """Return the column names of a frame; labels of pandas that are no text name nothing that is known."""
    names: list[object] = list(frame.columns if isinstance(frame, nw.DataFrame) else frame.collect_schema().names())
    return [name for name in names if isinstance(name, str)]


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


def some_frame() -> nw.DataFrame[Any]:
    """Return an empty frame of an installed library, the fastest first.

    Raises:
        MissingDependencyError: If none of polars, pandas and pyarrow is installed.
    """
    found = next((n for n in ("polars", "pandas", "pyarrow") if importlib.util.find_spec(n) is not None), None)
    if found is None:
        raise MissingDependencyError("polars, pandas or pyarrow", extra="polars", purpose="a frame")
    return _empty_frame(found)


@functools.cache
def _empty_frame(library: Any) -> nw.DataFrame[Any]:
    return nw.from_dict({"region": []}, backend=library)


def cells_of(frame: nw.DataFrame[Any] | nw.LazyFrame[Any]) -> dict[str, list[Any]]:
    """Return a small frame as Python cells, every engine's idea of a missing one as None."""
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


def scan_csv(paths: Sequence[str], headers: Sequence[str]) -> nw.LazyFrame[Any]:
    """Open CSV files as a lazy frame of texts, with polars."""
    from community_plan.frames import polars_frames

    frame = as_frame(polars_frames.scan_csv(paths, headers))
    assert isinstance(frame, nw.LazyFrame)
    return frame
