"""Law: one table gives one answer, whatever holds it, in whatever order, in however many parts."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import duckdb
import narwhals as nw
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import community_plan as cp
from community_plan.frames import opening
from renderings import compiled
from strategies import Row, registers, wide_tables

PLAN = cp.load_plan("shangqiu-14fyp")
CON = duckdb.connect()
TEXT = ("code", "name", "setting", "county_kind", "community", "kind", "region", "role")
AREAS = ("gross_floor_area", "comprehensive_service_area", "activity_area", "commercial_area", "floor_area")
MISSING = ("", "——", "/", "-")
LEVELS = st.sampled_from([None, "city", "county", "township", "community", ["city", "county", "community"]])


def numbers(rows: list[Row], names: list[str]) -> dict[str, list[Any]]:
    """Return the rows as columns of text and decimals, with None for what is missing."""
    return {
        name: [None if row[name] in MISSING else row[name] if name in TEXT else Decimal(row[name]) for row in rows]
        for name in names
    }


def polars_frame(columns: dict[str, list[Any]]) -> pl.DataFrame:
    """Make a frame of the narrowest types a reader would choose."""
    made = {}
    for name, cells in columns.items():
        if name in TEXT:
            made[name] = pl.Series(cells, dtype=pl.String)
        elif name in AREAS:
            made[name] = pl.Series([None if c is None else float(c) for c in cells], dtype=pl.Float64)
        else:
            made[name] = pl.Series([None if c is None else int(c) for c in cells], dtype=pl.Int32)
    return pl.DataFrame(made)


def with_nan(frame: pd.DataFrame) -> pd.DataFrame:
    """Turn every number into a numpy float, as pandas does with holes."""
    return frame.astype({name: "float64" for name in frame.columns if name not in TEXT})


ENGINES: dict[str, Callable[[dict[str, list[Any]]], Any]] = {
    "polars": polars_frame,
    "polars nan": lambda c: polars_frame(c).with_columns(pl.selectors.float().fill_null(float("nan"))),
    "polars inf": lambda c: polars_frame(c).with_columns(pl.selectors.float().fill_null(float("-inf"))),
    "polars decimal": lambda c: polars_frame(c).with_columns(pl.selectors.float().cast(pl.Decimal(20, 6))),
    "polars lazy": lambda c: polars_frame(c).lazy(),
    "pandas": lambda c: with_nan(polars_frame(c).to_pandas()),
    "pandas nullable": lambda c: polars_frame(c).to_pandas().convert_dtypes(),
    "pandas arrow": lambda c: polars_frame(c).to_pandas(use_pyarrow_extension_array=True),
    "pandas objects": lambda c: pd.DataFrame({name: pd.Series(cells, dtype=object) for name, cells in c.items()}),
    "pyarrow": lambda c: polars_frame(c).to_arrow(),
    "duckdb": lambda c: CON.from_arrow(polars_frame(c).to_arrow()),
}


NO_POLARS = ("pandas", "pandas nullable", "pandas arrow", "pandas objects", "pyarrow")
"""Kinds of frames that are there without polars."""


@contextlib.contextmanager
def without_polars() -> Iterator[None]:
    """Take polars for not installed: pandas and pyarrow frames then come through narwhals alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opening, "_polars_is_there", lambda: False)
        yield


def objects(columns: dict[str, list[Any]], kind: type) -> list[Any]:
    """Make typed objects."""
    fields = {field.name for field in attrs.fields(kind)}

    def cell(name: str, value: Any) -> Any:
        if value is None or name in TEXT:
            return value
        return cp.quantity(value, "m²") if name in AREAS else int(value)

    return [
        kind(**{name: cell(name, value) for name, value in zip(columns, row, strict=True) if name in fields})
        for row in zip(*columns.values(), strict=True)
    ]


def columns_of(tables: tuple[list[Row], ...]) -> list[dict[str, list[Any]]]:
    """Return the rows of communities, facilities and workforce as columns."""
    names = (
        ["code", "name", "setting", "county_kind", "households", "residents", "urban_residents", "gross_floor_area"],
        ["community", "kind", "floor_area", "activity_area"],
        ["region", "role", "headcount"],
    )
    return [numbers(rows, fields) for rows, fields in zip(tables, names, strict=True)]


def typed_registers(columns: list[dict[str, list[Any]]]) -> list[list[Any]]:
    """Make typed objects of columns of communities, facilities and workforce."""
    return [objects(c, kind) for c, kind in zip(columns, (cp.Community, cp.Facility, cp.Workforce), strict=True)]


# Few examples of many rows: each is evaluated by ten engines, and pandas takes a tenth of a second.
@settings(max_examples=12)
@given(wide_tables(size=40), LEVELS)
def test_every_kind_of_frame_gives_the_rows_of_typed_objects(rows: list[Row], by: Any) -> None:
    """Objects, frames and files: equal in every field."""
    columns = numbers(rows, list(rows[0]))
    expected = PLAN.evaluate(objects(columns, cp.Community), by=by, targets="main").rows
    for name, make in ENGINES.items():
        assert PLAN.evaluate(make(columns), by=by, targets="main").rows == expected, name
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "communities.parquet"
        polars_frame(columns).write_parquet(path)
        assert PLAN.evaluate(path, by=by, targets="main").rows == expected


@settings(max_examples=12)
@given(wide_tables(size=40), LEVELS)
def test_without_polars_frames_give_the_rows_of_typed_objects(rows: list[Row], by: Any) -> None:
    """narwhals alone is right, and so are the frames of values and verdicts, in the user's own kind."""
    columns = numbers(rows, list(rows[0]))
    expected = PLAN.evaluate(objects(columns, cp.Community), by=by, targets="main").rows
    through_polars = PLAN.evaluate(polars_frame(columns), by=by, targets="main")
    with without_polars():
        for name in NO_POLARS:
            frame = ENGINES[name](columns)
            result = PLAN.evaluate(frame, by=by, targets="main")
            assert result.rows == expected, name
            for level in result.levels or (None,):
                found = result.wide(level)
                assert type(found) is type(frame), name
                assert cells(found) == cells(through_polars.wide(level)), name


def cells(frame: Any) -> dict[str, list[Any]]:
    """Return a frame as Python values, with None for what is missing."""
    return {
        name: [None if cell is None or cell != cell else cell for cell in column]
        for name, column in nw.from_native(frame).to_dict(as_series=False).items()
    }


@settings(max_examples=12)
@given(wide_tables(size=40), LEVELS)
def test_compiled_loops_give_the_rows_of_typed_objects(rows: list[Row], by: Any) -> None:
    """On eight rows at a time, so that regions go on from one part to the next."""
    columns = numbers(rows, list(rows[0]))
    expected = PLAN.evaluate(objects(columns, cp.Community), by=by, targets="main").rows
    with compiled(8):
        for name in ("polars", "polars inf", "pandas", "pandas nullable", "pyarrow"):
            assert PLAN.evaluate(ENGINES[name](columns), by=by, targets="main").rows == expected, name


@settings(max_examples=8)
@given(registers(size=20), LEVELS, st.sampled_from(["zero", "unknown"]))
def test_registers_of_every_kind_give_the_same(tables: tuple[list[Row], ...], by: Any, unlisted: Any) -> None:
    """Also mixed: communities of one engine, facilities of another, workforce as objects."""
    columns = columns_of(tables)
    typed = typed_registers(columns)

    def evaluate(*parts: Any) -> tuple[Any, ...]:
        communities, facilities, workforce = parts
        data = cp.Dataset(communities=communities, facilities=facilities, workforce=workforce, unlisted=unlisted)
        return PLAN.evaluate(data, by=by, targets="main").rows

    expected = evaluate(*typed)
    for name, make in ENGINES.items():
        assert evaluate(*(make(c) for c in columns)) == expected, name
    with without_polars():
        for name in NO_POLARS:
            assert evaluate(*(ENGINES[name](c) for c in columns)) == expected, name
        assert evaluate(ENGINES["pandas"](columns[0]), ENGINES["pyarrow"](columns[1]), typed[2]) == expected
    assert evaluate(ENGINES["pandas"](columns[0]), ENGINES["polars"](columns[1]), typed[2]) == expected


@settings(max_examples=40)
@given(wide_tables(), LEVELS, st.randoms(use_true_random=False))
def test_neither_order_nor_partition_matters(rows: list[Row], by: Any, random: Any) -> None:
    """Tallies of parts add up to the tally of the whole, to the last integer."""
    columns = numbers(rows, list(rows[0]))
    whole = PLAN.tally(objects(columns, cp.Community), by=by, targets="main")
    shuffled = random.sample(rows, len(rows))
    cut = random.randint(0, len(rows))
    parts = [part for part in (shuffled[:cut], shuffled[cut:]) if part]
    makers = [random.choice(list(ENGINES.values())) for _ in parts]
    tallies = [
        PLAN.tally(make(numbers(part, list(rows[0]))), by=by, targets="main", complete=False)
        for make, part in zip(makers, parts, strict=True)
    ]
    total = tallies[0]
    for tally in tallies[1:]:
        total = tally + total
    assert total.as_complete() == whole
    assert total.groups == whole.groups


@settings(max_examples=60)
@given(
    wide_tables(),
    st.integers(0, 11),
    st.sampled_from(["households", "residents", "comprehensive_service_area", "social_workers"]),
)
def test_bounds_hold_whatever_a_missing_cell_turns_out_to_be(rows: list[Row], place: int, name: str) -> None:
    """Filling a cell moves bounds inwards only, and never turns a decided verdict."""
    row = rows[place % len(rows)]
    told = dict(row)
    row[name] = ""
    before = PLAN.evaluate(polars_frame(numbers(rows, list(row))), targets="main")
    rows[place % len(rows)] = told
    after = PLAN.evaluate(polars_frame(numbers(rows, list(row))), targets="main")
    for one, other in zip(before, after, strict=True):
        if one.verdict is not cp.Verdict.UNKNOWN and other.value is not None:
            assert other.verdict is one.verdict
        if one.lower is not None and other.lower is not None:
            assert one.lower <= other.lower
            if one.upper is not None:
                assert other.upper is not None
                assert other.upper <= one.upper
                if other.reporting_share == 1:  # with every cell told, the value is the bound's own
                    assert one.lower <= other.value <= one.upper
