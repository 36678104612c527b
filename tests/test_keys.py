"""Rows are grouped by what their keys say, whatever types these have and whoever finds where they change."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import community_plan as cp
from community_plan.frames import array_frames
from renderings import compiled

PLAN = cp.load_plan("shangqiu-14fyp")
AREA = "facility-area-per-100-households"
LONG = ("河南省商丘市睢阳区某某街道办事处", "河南省商丘市梁园区某某街道办事处", "河南省商丘市永城市某某街道办事处")


@pytest.fixture(params=["numpy", "loops"], autouse=True, scope="module")
def worked_by(request: pytest.FixtureRequest) -> Iterator[None]:
    """Both find the same."""
    with contextlib.nullcontext() if request.param == "numpy" else compiled(16):
        yield


def communities(rows: int, **columns: Any) -> pl.DataFrame:
    codes = [f"411422{100 + row // 90:03d}{201 + row % 90:03d}" for row in range(rows)]
    areas = [300.0 + row % 7 for row in range(rows)]
    return pl.DataFrame({"code": codes, "households": 1_000, "comprehensive_service_area": areas, **columns})


def counted(frame: pl.DataFrame, keys: Sequence[str]) -> dict[tuple[str, ...], tuple[Fraction, int]]:
    """Return area per 100 households and number of rows, by key."""
    found: dict[tuple[str, ...], list[float]] = {}
    for row in frame.iter_rows(named=True):
        found.setdefault(tuple(spelt(row[key]) for key in keys), []).append(row["comprehensive_service_area"])
    return {key: (Fraction(int(sum(areas)), 10 * len(areas)), len(areas)) for key, areas in found.items()}


def spelt(cell: Any) -> str:
    return "" if cell is None else str(cell)


def said(data: Any, keys: Sequence[str]) -> dict[tuple[str, ...], tuple[Fraction, int]]:
    """Return the same as the library has it."""
    rows = PLAN.evaluate(data, by=list(keys), targets=AREA).rows
    found = {}
    for row in rows:
        assert row.value is not None
        key = tuple(spelt(row.columns[name]) if name in row.columns else spelt(row.period) for name in keys)
        assert key not in found
        found[key] = (row.value, int(row.denominator) // 1_000)
    return found


MAKES: Mapping[str, Callable[[pl.DataFrame], Any]] = {
    "polars": lambda frame: frame,
    "pandas": lambda frame: frame.to_pandas(),
    "pandas objects": lambda frame: frame.to_pandas().astype({"batch": object}),
    "pandas nullable": lambda frame: frame.to_pandas().convert_dtypes(dtype_backend="numpy_nullable"),
    "pandas categories": lambda frame: frame.with_columns(pl.col("batch").cast(pl.Categorical)).to_pandas(),
    "pyarrow": lambda frame: frame.to_arrow(),
    "pyarrow in pieces": lambda frame: pa.concat_tables([frame[:40].to_arrow(), frame[40:].to_arrow()]),
    "polars lazy": lambda frame: frame.lazy(),
    "DuckDB": lambda frame: duckdb.connect().from_arrow(frame.to_arrow()),
}  # fmt: skip

BATCHES = st.lists(
    st.tuples(st.integers(1, 40), st.sampled_from([None, "a", "bb", *LONG[:2]]), st.sampled_from([None, True, False])),
    min_size=2,
    max_size=8,
)


@settings(max_examples=15)
@given(BATCHES, st.sampled_from([["pilot"], ["batch"], ["batch", "pilot"], ["wave", "batch"], ["wave", "pilot"]]))
@pytest.mark.parametrize("kind", MAKES)
def test_runs_end_where_a_key_changes(
    kind: str, batches: list[tuple[int, str | None, bool | None]], keys: list[str]
) -> None:
    """Texts, numbers and truth values, some of them missing, alone and beside each other."""
    rows = sum(size for size, _, _ in batches)
    batch = [text for size, text, _ in batches for _ in range(size)]
    pilot = [truth for size, _, truth in batches for _ in range(size)]
    wave = [number for number, (size, _, _) in enumerate(batches) for _ in range(size)]
    frame = communities(
        rows,
        batch=pl.Series(batch, dtype=pl.String),
        pilot=pl.Series(pilot, dtype=pl.Boolean),
        wave=pl.Series(wave, dtype=pl.Int32),
    )
    assert said(MAKES[kind](frame), keys) == counted(frame, keys)


# -- long texts in several pieces ----------------------------------------------------------------------------------


def in_pieces() -> list[pl.DataFrame]:
    """Communities of several places, each with its long name in a piece of its own."""
    frame = communities(90)
    return [frame[30 * at : 30 * at + 30].with_columns(batch=pl.lit(name)) for at, name in enumerate(LONG)]


@pytest.mark.parametrize("small", [0, array_frames._SMALL], ids=["column by column", "all columns at once"])
def test_long_names_that_lie_alike_in_their_pieces_are_different_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: int
) -> None:
    """A piece says where in its own memory a long text begins; so does every other piece."""
    monkeypatch.setattr(array_frames, "_SMALL", small)
    pieces = in_pieces()
    whole = pl.concat(pieces, rechunk=True)
    expected = counted(whole, ["batch"])
    assert len(expected) == 3
    for number, piece in enumerate(pieces):
        piece.write_parquet(tmp_path / f"{number}.parquet")
    for data in (
        pl.concat(pieces, rechunk=False),
        pl.read_parquet(tmp_path / "*.parquet"),
        pa.concat_tables([piece.to_arrow() for piece in pieces]),
        pa.concat_tables([pa.table(piece) for piece in pieces]),
        whole,
    ):
        assert said(data, ["batch"]) == expected


# -- columns that hardly anybody has -----------------------------------------------------------------------------


def test_half_precision_is_read_as_the_numbers_it_holds() -> None:
    """300.5 is 300.5, and not 300."""
    frame = communities(40).to_pandas()
    frame["comprehensive_service_area"] = np.full(40, 300.5, np.float16)
    (row,) = PLAN.evaluate(frame, targets=AREA).rows
    assert row.value == Fraction(3005, 100)


def test_a_table_without_any_piece_has_no_rows() -> None:
    """As Arrow makes one of no batches."""
    schema = communities(1).to_arrow().schema
    (row,) = PLAN.evaluate(pa.Table.from_batches([], schema), targets=AREA).rows
    assert row.value is None
    assert row.verdict is cp.Verdict.UNKNOWN


ENGINES = ("polars", "pandas", "pandas nullable", "pyarrow", "polars lazy", "DuckDB")
WHOLE: Mapping[str, tuple[pl.Series, list[str | None]]] = {
    "doubles": (pl.Series([2024.0, None, 2023.0, 2024.0]), ["2024", None, "2023", "2024"]),
    "not numbers": (pl.Series([float("nan"), 2024.0, float("inf"), 2024.0]), [None, "2024", None, "2024"]),
    "single precision": (pl.Series([2024, 2023, 2024, 2023], dtype=pl.Float32), ["2024", "2023", "2024", "2023"]),
    "negative zeros": (pl.Series([-0.0, 0.0, -0.0, 1.0]), ["0", "0", "0", "1"]),
    "unsigned": (pl.Series([2**64 - 1, 2**64 - 2, 7, 7], dtype=pl.UInt64), [str(2**64 - 1), str(2**64 - 2), "7", "7"]),
    "dates": (
        pl.Series(["2024-12-31", None, "2023-12-31", "2024-12-31"]).str.to_date(),
        ["2024-12-31", None, "2023-12-31", "2024-12-31"],
    ),
    "whole decimals": (pl.Series(["1", "2", "1", None]).cast(pl.Decimal(9, 0)), ["1", "2", "1", None]),
}  # fmt: skip


@pytest.mark.parametrize("kind", ENGINES)
@pytest.mark.parametrize("values", WHOLE)
def test_a_column_of_the_users_own_has_one_label_for_a_value_in_every_engine(kind: str, values: str) -> None:
    """What pandas makes of whole numbers beside a blank are whole numbers, and what is no number is missing."""
    column, labels = WHOLE[values]
    if values == "dates" and kind.startswith("pandas"):
        pytest.skip("to pandas a date is a point of time")
    frame = communities(4, batch=column)
    rows = PLAN.evaluate(MAKES[kind](frame), by="batch", targets=AREA).rows
    found = {row.columns["batch"]: int(row.denominator) // 1_000 for row in rows}
    assert found == {label: labels.count(label) for label in labels}


@pytest.mark.parametrize(
    ("cells", "labels"),
    [
        ([2024.0, None, "2023", 2024], ["2024", None, "2023", "2024"]),
        ([Decimal("2024.0"), float("nan"), np.int16(2023), np.float32(2024)], ["2024", None, "2023", "2024"]),
        ([True, np.bool_(True), "True", float("inf")], ["True", "True", "True", None]),
        ([dt.date(2024, 12, 31), None, "2024-12-31", pd.NaT], ["2024-12-31", None, "2024-12-31", None]),
        ([float("inf")] * 4, [None] * 4),
    ],
    ids=["doubles", "numbers", "truth values", "dates", "nothing"],
)
def test_python_objects_have_the_labels_of_columns_of_their_types(cells: list[Any], labels: list[str | None]) -> None:
    """Whoever reads a workbook into pandas has such columns, beside others who have the same years as numbers."""
    frame = communities(4).to_pandas()
    frame["batch"] = pd.Series(cells, dtype=object)
    rows = PLAN.evaluate(frame, by="batch", targets=AREA).rows
    found = {row.columns["batch"]: int(row.denominator) // 1_000 for row in rows}
    assert found == {label: labels.count(label) for label in labels}


@pytest.mark.parametrize("kind", ["pandas", "pyarrow"])
def test_a_categorical_of_numbers_has_their_labels(kind: str) -> None:
    """Doubles that are years, and fractions that are refused, as in a column without words."""

    def worded(cells: list[Any]) -> Any:
        frame = communities(4, batch=pl.Series(cells))
        if kind == "pandas":
            return frame.to_pandas().astype({"batch": "category"})
        table = frame.to_arrow()
        return table.set_column(3, "batch", table["batch"].dictionary_encode())

    rows = PLAN.evaluate(worded([2024.0, None, 2023.0, 2024.0]), by="batch", targets=AREA).rows
    assert {row.columns["batch"] for row in rows} == {"2023", "2024", None}
    with pytest.raises(cp.DataError, match=r"column 'batch': expected texts, .* got fractions in 2 of its cells"):
        PLAN.evaluate(worded([2024.5, None, 2023.0, 2024.5]), by="batch", targets=AREA)


@pytest.mark.parametrize(
    ("cell", "got"),
    [
        (2024.5, "fractions in 2 of its cells"),
        (Decimal("1e400"), "fractions in 2"),
        (pd.Timestamp("2024-12-31"), "Timestamp in 2"),
        (b"2024", "bytes in 2"),
        (["2024"], "list in 2"),
    ],
    ids=str,
)
def test_python_objects_that_are_written_in_several_ways_tell_no_rows_apart(cell: Any, got: str) -> None:
    """As columns of their types do not."""
    frame = communities(4).to_pandas()
    frame["batch"] = pd.Series([cell, "2024", cell, None], dtype=object)
    with pytest.raises(cp.DataError, match=f"column 'batch': expected texts, whole numbers, .* got {got}"):
        PLAN.evaluate(frame, by="batch", targets=AREA)


@pytest.mark.parametrize("kind", ENGINES)
@pytest.mark.parametrize(
    "cells", [[411422, None, 411481, None], [411422.0, None, 411481.0, None]], ids=["int", "float"]
)
def test_a_county_that_is_a_number_is_its_code(kind: str, cells: list[Any]) -> None:
    """Where it is blank it follows from the community's code, which says 411422."""
    frame = communities(4, county=pl.Series(cells))
    rows = PLAN.evaluate(MAKES[kind](frame), by="county", targets=AREA).rows
    assert {row.region: int(row.denominator) // 1_000 for row in rows} == {"411422": 3, "411481": 1}


@pytest.mark.parametrize("kind", ENGINES)
@pytest.mark.parametrize("number", [pl.Series(["001"]), pl.Series([1])], ids=["text", "int"])
def test_townships_that_are_numbered_within_their_county_stay_apart(kind: str, number: pl.Series) -> None:
    """As those of one name do: the first of one county is not that of another."""
    frame = communities(4, township=number.extend_constant(number[0], 3))
    frame = frame.with_columns(code=pl.Series(["411422001201", "411422001202", "411481001201", "411481100201"]))
    for by in ("township", ["county", "township"]):
        result = PLAN.evaluate(MAKES[kind](frame), by=by, targets=AREA)
        rows = {row.region: row.value for row in result if row.level == "township"}
        assert rows == {f"{county}/{number[0]}": value for county, value in counted_by_county(frame).items()}
        assert as_polars(result.wide("township")).get_column("region").to_list() == [*rows]


def counted_by_county(frame: pl.DataFrame) -> dict[str, Fraction]:
    """Return area per 100 households by county."""
    found = counted(frame.with_columns(pl.col("code").str.slice(0, 6)), ["code"])
    return {county: value for (county,), (value, _) in found.items()}


@pytest.mark.parametrize("kind", ["polars", "pandas", "polars lazy", "DuckDB"])
@pytest.mark.parametrize("type_", [pl.Float64, pl.String])
def test_a_blank_late_in_a_column_of_counties_follows_from_the_code(kind: str, type_: type[pl.DataType]) -> None:
    """A first look at the table does not see it, and no community is lost from its county."""
    cells: list[int | None] = [411422] * 3_000
    cells[2_501] = None
    frame = communities(3_000, county=pl.Series(cells).cast(type_))
    for by in ("county", "township"):
        tally = PLAN.tally(MAKES[kind](frame), by=by, targets=AREA)
        assert not any(None in key for key in tally.cells)
        assert [row.denominator for row in PLAN.evaluate(tally, by="county")] == [3_000_000]


@pytest.mark.parametrize("kind", [kind for kind in ENGINES if kind != "pandas nullable"])  # it reads 2.0**60 as 2**60
@pytest.mark.parametrize(
    "column",
    [
        pl.Series([2024.5, 2023.0, None, 1.0]),
        pl.Series([2.0**60, 2023.0, None, 1.0]),
        pl.Series(["2024-12-31 12:00:00"] * 4).str.to_datetime(),
        pl.Series([1, 2, 3, 4]).cast(pl.Duration),
    ],
    ids=["fractions", "large", "points of time", "durations"],
)
def test_what_engines_would_write_in_several_ways_tells_no_rows_apart(kind: str, column: pl.Series) -> None:
    """Two offices would give one group two labels, so it is refused, with what to do about it."""
    frame = communities(4, batch=column)
    with pytest.raises(cp.DataError, match=r"column 'batch': expected texts, whole numbers, .* Write 'batch' as text"):
        PLAN.evaluate(MAKES[kind](frame), by="batch", targets=AREA)


def as_polars(frame: Any) -> pl.DataFrame:
    """Return a frame of any engine as one of polars."""
    if isinstance(frame, pl.LazyFrame):
        return frame.collect()
    return frame.pl() if isinstance(frame, duckdb.DuckDBPyRelation) else pl.DataFrame(frame)


@pytest.mark.parametrize("kind", ENGINES)
@pytest.mark.parametrize("name", ["code__number", "households__whole", "s0", "f0", "key0__", "k0", "x__61", "rows__"])
def test_columns_may_be_called_as_what_the_library_works_out(kind: str, name: str) -> None:
    """Their values tell rows apart, in rows and in frames; neither takes the place of the other."""
    frame = communities(4, **{name: ["x", "y", "x", "x"]})
    for level in ("county", "community"):
        result = PLAN.evaluate(MAKES[kind](frame), by=[level, name], targets=AREA)
        rows = sorted((row.region, row.columns[name], row.verdict.value) for row in result)
        assert [value for _, value, _ in rows].count("x") == (1 if level == "county" else 3)
        wide = as_polars(result.wide(level))
        assert sorted(wide.select("region", name, pl.col(f"{AREA}__verdict").cast(pl.String)).rows()) == rows


@pytest.mark.parametrize("kind", ENGINES)
def test_a_column_that_is_counted_may_tell_rows_apart(kind: str) -> None:
    """By households, beside each community."""
    result = PLAN.evaluate(MAKES[kind](communities(3)), by=["community", "households"], targets=AREA)
    wide = as_polars(result.wide("community"))
    assert wide.get_column("households").cast(pl.String).to_list() == ["1000"] * 3
    assert wide.get_column(f"{AREA}__value").to_list() == [float(row.value or 0) for row in result]


@pytest.mark.parametrize("ask", [PLAN.evaluate, PLAN.tally, PLAN.prepare])
@pytest.mark.parametrize("name", ["region", "value", "level", "number", "verdict"])
def test_a_result_has_columns_of_its_own_that_no_grouping_takes(name: str, ask: Callable[..., Any]) -> None:
    """What would stand over the region, the value or the verdict of a row is refused, and before it is counted."""
    with pytest.raises(cp.DataError, match=f"got by='{name}'. Rename the column in the data"):
        ask(communities(3, **{name: ["x", "y", "z"]}), by=["county", name], targets=AREA)


def test_a_category_of_python_objects_is_read_in_any_order() -> None:
    """Texts of Python beside those of numpy."""
    frame = communities(120).sample(fraction=1, shuffle=True, seed=1).to_pandas()
    words = ["urban", "rural", np.str_("urban")]
    frame["setting"] = pd.Series([words[row % 3] for row in range(120)], dtype=object)
    frame["comprehensive_service_count"] = 1
    found = PLAN.evaluate(frame, targets="urban-facility-coverage", by="township").rows
    assert sum(row.denominator for row in found) == 80
