"""Openings: what a table's columns are called and how its library keeps them is of no consequence, or is told."""

from __future__ import annotations

import functools
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import narwhals as nw
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import community_plan as cp
from community_plan.frames.array_frames import read

PLAN = cp.load_plan("shangqiu-14fyp")
AREA = "facility-area-per-100-households"
GIVEN = pl.DataFrame(
    {
        "code": ["411422001201", "411422001202", "411481001001"],
        "households": [100, 200, 300],
        "comprehensive_service_area": [30.0, 60.0, 90.3],
    }
)
COUNTIES = [("411422", 30), ("411481", cp.quantity("30.1 m2").magnitude)]


def counties(data: Any, **options: Any) -> list[tuple[str, Any]]:
    """Return the counties with their values."""
    found = PLAN.evaluate(data, targets=AREA, **{"by": "county", **options})
    return [(row.region, row.value) for row in found.rows]


# -- texts as words of a type ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [pl.Categorical(), pl.Enum(GIVEN["code"].reverse())], ids=str)
def test_codes_may_be_words_of_a_categorical(kind: Any, tmp_path: Path) -> None:
    """Lazy, in a file, beside exact decimals, in any order: they are the texts that they stand for."""
    frame = GIVEN.with_columns(
        pl.col("code").cast(kind), county=pl.Series(["睢县", "睢县", "永城"]).cast(pl.Categorical)
    )
    exact = frame.with_columns(pl.col("comprehensive_service_area").cast(pl.Decimal(10, 1)))
    frame.write_parquet(tmp_path / "given.parquet")
    for data in (frame, frame.lazy(), frame.reverse().lazy(), exact, tmp_path / "given.parquet"):
        assert sorted(counties(data)) == [("永城", COUNTIES[1][1]), ("睢县", COUNTIES[0][1])]
        regions = PLAN.evaluate(data, targets=AREA, by="community").wide("community").lazy().collect()["region"]
        assert regions.dtype == pl.String
        assert sorted(regions) == GIVEN["code"].to_list()
    twice = pl.concat([frame, frame]).lazy()
    with pytest.raises(cp.errors.DuplicateCodeError):
        counties(twice)


def test_dictionaries_of_pandas_and_pyarrow_hold_codes_in_files_too(tmp_path: Path) -> None:
    """As in memory."""
    GIVEN.to_pandas().astype({"code": "category"}).to_parquet(tmp_path / "pandas.parquet")
    table = GIVEN.to_arrow()
    table = table.set_column(0, "code", table["code"].cast(pa.string()).dictionary_encode())
    pq.write_table(table, tmp_path / "pyarrow.parquet")
    for library in ("pandas", "pyarrow"):
        assert counties(tmp_path / f"{library}.parquet") == COUNTIES


@pytest.mark.parametrize(
    "cell", [pl.duration(days=1), pl.concat_list(pl.lit(1)), pl.struct(a=1)], ids=["duration", "list", "struct"]
)
@pytest.mark.parametrize("name", ["grid", "county"])
def test_what_engines_write_each_in_their_own_words_is_no_label(cell: pl.Expr, name: str) -> None:
    """One table gives one answer, whatever holds it: the user says what a region is called."""
    frame = GIVEN.with_columns(cell.alias(name))
    for data in (frame, frame.lazy(), frame.to_arrow(), duckdb.from_arrow(frame.to_arrow())):
        assert counties(data, by="township") is not None
        with pytest.raises(cp.errors.ColumnTypeError, match="as text") as caught:
            counties(data, by=name)
        assert caught.value.place == cp.errors.Place(table="communities", column=name)


def test_decimals_that_no_other_library_has_are_told() -> None:
    """Arrow writes 1E+2 with -2 places; a column of them that nobody reads is no matter."""
    hundreds = pa.array([Decimal("1E+2"), Decimal("2E+2"), Decimal("3E+2")], pa.decimal128(5, -2))
    table = GIVEN.to_arrow().append_column("grid", hundreds)
    assert counties(table) == COUNTIES
    for data, by, name in ((table, "grid", "grid"), (table.set_column(1, "households", hundreds), None, "households")):
        with pytest.raises(cp.errors.ColumnTypeError, match="scale") as caught:
            counties(data, by=by)
        assert caught.value.place.column == name
        assert "cast" in caught.value.mend


# -- names -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("library", ["pandas", "pyarrow"])
def test_columns_that_nobody_reads_may_be_called_alike(library: str) -> None:
    """One that is read may not: which of two is meant, nobody knows."""

    def again(*names: str) -> Any:
        if library == "pandas":
            frame = GIVEN.to_pandas()
            return pd.concat([frame, *(frame["households"].rename(name) for name in names)], axis=1)
        table = GIVEN.to_arrow()
        return functools.reduce(lambda made, name: made.append_column(name, table["households"]), names, table)

    assert counties(again("x", "x", "x")) == COUNTIES
    assert type(PLAN.evaluate(again("x", "x"), targets=AREA).wide(None)).__module__.startswith(library)
    with pytest.raises(cp.errors.AmbiguousColumnError, match="rename one of them"):
        counties(again("households"))
    with pytest.raises(cp.errors.AmbiguousColumnError, match="'x'"):
        counties(again("x", "x"), by="x")
    with pytest.raises(cp.errors.AmbiguousColumnError, match="'x'"):
        PLAN.ledger(again("x", "x"), period=2025)


# -- files of one pattern --------------------------------------------------------------------------------------


def pattern(folder: Path, *frames: pl.DataFrame) -> Path:
    """Write frames as the files of a pattern."""
    for name, frame in zip("ab", frames, strict=True):
        frame.write_parquet(folder / f"{name}.parquet")
    return folder / "*.parquet"


FIRST, LAST = GIVEN[:2], GIVEN[2:]
AREAS = "comprehensive_service_area"


@pytest.mark.parametrize("turned", [False, True], ids=["", "turned"])
@pytest.mark.parametrize(
    "changed",
    [
        {"households": pl.Int32},
        {"households": pl.UInt64},
        {"households": pl.Float64},
        {"code": pl.Categorical},
        {"code": pl.Enum(FIRST["code"])},
        {AREAS: pl.Float32},
        {AREAS: pl.Int8},
        {AREAS: pl.Int8, "households": pl.Decimal(8, 1)},
    ],
    ids=str,
)
def test_files_of_a_pattern_keep_numbers_and_texts_as_they_like(tmp_path: Path, changed: Any, turned: bool) -> None:
    """What one file needs fewer bits for than another is the same number."""
    frames = [FIRST.cast(changed), LAST]
    assert counties(pattern(tmp_path, *(reversed(frames) if turned else frames))) == COUNTIES


def test_decimals_and_floats_of_one_pattern_are_as_exact_as_alone(tmp_path: Path) -> None:
    """A float of 32 bits is the decimal that it lies next to; decimals have as many places as the finest."""
    last = LAST.cast({AREAS: pl.Float32}).select(AREAS, "code", "households")
    assert counties(pattern(tmp_path, FIRST, last)) == COUNTIES
    frames = FIRST.cast({AREAS: pl.Decimal(10, 1)}), LAST.cast({AREAS: pl.Decimal(12, 3)})
    assert counties(pattern(tmp_path, *frames)) == COUNTIES


@pytest.mark.parametrize("turned", [False, True], ids=["", "turned"])
def test_columns_that_nobody_reads_differ_as_they_like(tmp_path: Path, turned: bool) -> None:
    """One file has them and another has not, or has something else in them."""
    frames = [FIRST.with_columns(x=1, y=pl.lit("y")), LAST.with_columns(x=pl.lit("x"), z=[1])]
    assert counties(pattern(tmp_path, *(reversed(frames) if turned else frames))) == COUNTIES


@pytest.mark.parametrize("turned", [False, True], ids=["", "turned"])
def test_a_file_may_know_nothing_of_a_column(tmp_path: Path, turned: bool) -> None:
    """Whichever is read first."""
    frames = [FIRST.with_columns(households=pl.lit(None)), LAST]
    found = counties(pattern(tmp_path, *(reversed(frames) if turned else frames)))
    assert found == [("411422", None), COUNTIES[1]]


@pytest.mark.parametrize(
    ("first", "got"),
    [
        (FIRST.cast({"households": pl.String}), "String in {0}, Int64 in {1}"),
        (FIRST.drop("households"), "no such column in {0}, Int64 in {1}"),
    ],
    ids=["text", "none"],
)
def test_files_that_do_not_go_together_are_named(tmp_path: Path, first: pl.DataFrame, got: str) -> None:
    """A text is no number, and a column that is not there is not one of missing cells."""
    data = pattern(tmp_path, first, LAST)
    with pytest.raises(cp.errors.ColumnTypeError) as caught:
        counties(data)
    assert caught.value.place == cp.errors.Place(table="communities", file=str(data), column="households")
    assert got.format(tmp_path / "a.parquet", tmp_path / "b.parquet") in caught.value.problem
    assert "every file" in str(caught.value)
    with pytest.raises(cp.errors.DataFaults):
        counties(data, units={"nowhere": "m2"})


def test_whole_numbers_of_a_pattern_are_never_rounded(tmp_path: Path) -> None:
    """Labels that are next to each other stay apart, or are refused."""
    last = LAST.with_columns(label=pl.lit(3.0))
    exact = pattern(tmp_path, FIRST.with_columns(label=pl.Series([1, 2])), last)
    assert len(PLAN.evaluate(exact, targets=AREA, by="label").rows) == 3
    large = pattern(tmp_path, FIRST.with_columns(label=pl.Series([2**60, 2**60 + 1])), last)
    with pytest.raises(cp.errors.DataError, match="label"):
        PLAN.evaluate(large, targets=AREA, by="label")
    signs = FIRST.with_columns(label=pl.Series([2**62, 2**62 + 1], dtype=pl.UInt64)), LAST.with_columns(label=-1)
    assert len(PLAN.evaluate(pattern(tmp_path, *signs), targets=AREA, by="label").rows) == 3


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Wherever it stands in the pattern."""
    data = pattern(tmp_path, FIRST, LAST)
    (tmp_path / "b.parquet").write_text("code")
    with pytest.raises(cp.errors.DataError) as caught:
        counties(data)
    assert caught.value.place.file == str(tmp_path / "b.parquet")


# -- pieces ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("types", [None, pd.ArrowDtype, "default"], ids=["pyarrow", "pandas of pyarrow", "pandas"])
def test_columns_in_very_many_pieces_are_put_together_before_they_are_read(types: Any) -> None:
    """A call for each of them would take longer than everything else; what is given back is of the same types."""
    number = pl.int_range(2000, eager=True)
    frame = pl.DataFrame(
        {
            "code": (411_422_001_001 + number // 900 * 1000 + number % 900).cast(pl.String),
            "households": pl.select(pl.when(number % 7 > 0).then(number % 900 + 100)).to_series(),
            AREAS: (number % 700).cast(pl.Float64) / 4,
            "grid": pl.select(pl.concat_str(pl.lit("an endless name of a grid "), number % 3)).to_series(),
        }
    )
    whole = frame.to_arrow()
    words = whole["grid"].cast(pa.string()).dictionary_encode()
    whole = whole.set_column(3, "grid", words)
    tables = [whole, pa.Table.from_batches(whole.to_batches(max_chunksize=10))]
    if types is not None:
        tables = [each.to_pandas(types_mapper=None if types == "default" else types) for each in tables]
    one, many = tables
    for header in frame.columns:
        kind, pieces = read(nw.from_native(many[header], series_only=True))
        assert len(pieces) == 1
        assert kind == read(nw.from_native(one[header], series_only=True))[0]
    for by in ("community", ["county", "grid"]):
        expected, found = (PLAN.evaluate(data, by=by, targets=AREA) for data in (one, many))
        assert found.rows == expected.rows
        frames = [nw.from_native(result.wide(result.levels[-1])) for result in (expected, found)]
        assert frames[0].schema == frames[1].schema
        assert repr(frames[0].rows()) == repr(frames[1].rows())  # no number is not equal to itself
