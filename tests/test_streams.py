"""Streams: rows that DuckDB hands over batch by batch add up to what they add up to at once, and nothing stays open."""

from __future__ import annotations

import contextlib
import inspect
import random
import unittest.mock
import weakref
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import attrs
import duckdb
import narwhals as nw
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import community_plan as cp
from community_plan import errors
from community_plan.frames import engine, stream_engine
from community_plan.frames.arrays import listed, taken
from community_plan.frames.batches import Batches, detached
from community_plan.frames.duckdb_engine import DuckDBEngine
from community_plan.frames.engine import Engine, Lister
from community_plan.frames.sql_engine import SqlEngine
from community_plan.frames.texts import Text
from community_plan.grouping import Misread
from community_plan.measures import Compare
from community_plan.plan import Registry
from renderings import by_sql, compiled, in_batches

PLAN = cp.load_plan("shangqiu-14fyp")
AREA = "facility-area-per-100-households"
BATCH = 999
ROWS = 3 * BATCH + 100
"""Rows of four batches."""
BY: Sequence[Any] = (None, "county", "township", ["city", "county"], "grid", ["year", "county"])


def table(rows: int = ROWS, **columns: Any) -> pl.DataFrame:
    """Return communities of two counties in the order of their codes, with some columns changed."""
    number = pl.int_range(rows, dtype=pl.Int64)
    county = pl.when(number < rows // 2).then(411_422_000_000).otherwise(411_481_000_000)
    base = pl.select(
        code=(county + 100_201 + number // 190 * 1000 + number % 190).cast(pl.String),
        households=pl.when(number % 11 > 0).then(number % 900 + 100),
        comprehensive_service_area=pl.when(number % 7 > 0).then((number % 700).cast(pl.Float64) / 4),
        grid=pl.concat_str(pl.lit("grid "), number % 5),
        year=pl.lit(2025),
    )
    return base.with_columns(**columns)


def relation(frame: pl.DataFrame) -> duckdb.DuckDBPyRelation:
    """Return a table of a connection of its own."""
    connection = duckdb.connect()
    connection.register("given", frame.to_arrow())
    connection.execute("CREATE TABLE communities AS FROM given")
    return connection.table("communities")


@contextlib.contextmanager
def asked() -> Iterator[list[str]]:
    """Write down what queries DuckDB is asked beside handing over rows."""
    queries: list[str] = []
    fetch, frame = DuckDBEngine.fetch, DuckDBEngine.fetch_frame

    def fetched(self: SqlEngine, rows: Any) -> Any:
        queries.append(rows.sql_query())
        return fetch(self, rows)

    def framed(self: SqlEngine, rows: Any) -> Any:
        queries.append(rows.sql_query())
        return frame(self, rows)

    patch = unittest.mock.patch.multiple(DuckDBEngine, fetch=fetched, fetch_frame=framed)
    with unittest.mock.patch.object(engine, "cores_there", return_value=2), patch:
        yield queries


def signature(verb: Any) -> Collection[str]:
    """Return what a verb is asked about."""
    return inspect.signature(verb).parameters


@pytest.fixture(params=["by numpy", "compiled"], autouse=True)
def loops(request: pytest.FixtureRequest) -> Iterator[None]:
    """Everything here holds whatever adds up."""
    with compiled(loops=0, sums=0) if request.param == "compiled" else contextlib.nullcontext():
        yield


# -- the same answers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", [None, "grid"])
@pytest.mark.parametrize(("last", "says"), [("合计", "got '合计', as rows of totals have it"), (None, "got none")])
def test_a_row_that_is_no_place_is_told_where_no_code_is(by: str | None, last: str | None, says: str) -> None:
    """What rows are called is no part of their sums, but shows that one adds up others."""
    name = pl.when(pl.int_range(ROWS) < ROWS - 1).then(pl.lit("示例社区")).otherwise(pl.lit(last))
    data = relation(table(name=name).drop("code"))
    with in_batches(BATCH), pytest.raises(errors.CellError, match=says):
        PLAN.evaluate(data, by=by, targets=AREA)


@pytest.mark.parametrize("by", BY, ids=str)
def test_batches_say_what_the_rows_say_at_once(by: Any) -> None:
    """Regions that begin in one batch and end in another, and groups that stand in every one."""
    expected = PLAN.evaluate(table(), by=by, targets=AREA)
    with in_batches(BATCH), asked() as queries:
        found = PLAN.evaluate(relation(table()), by=by, targets=AREA)
        assert found.rows == expected.rows
        assert found.notes == expected.notes
        for level in found.levels:
            assert found.wide(level).equals(expected.wide(level))
    assert not queries


@pytest.mark.parametrize("library", ["polars", "pandas", "pyarrow"])
@pytest.mark.parametrize("size", [BATCH, ROWS], ids=["four batches", "one batch"])
@pytest.mark.parametrize("name", ["grid ", "an endless name of a grid, "], ids=["short", "long"])
def test_sums_of_batches_make_a_frame_of_whatever_is_installed(library: Any, size: int, name: str) -> None:
    """Labels are pyarrow's when they leave DuckDB, and the frame's own in it."""
    data = table(grid=pl.concat_str(pl.lit(name), pl.int_range(pl.len()) % 5))
    expected = PLAN.evaluate(data, by=["grid", "county"], targets=AREA)
    empty = nw.from_dict({"region": []}, backend=library)
    installed = unittest.mock.patch.object(stream_engine, "some_frame", return_value=empty)
    with in_batches(size), installed, asked() as queries:
        found = PLAN.evaluate(relation(data), by=["grid", "county"], targets=AREA)
        assert not queries
        frame = found.wide("county")
    assert type(frame).__module__.partition(".")[0] == library
    assert nw.from_native(frame).rows() == nw.from_native(expected.wide("county")).rows()


@settings(max_examples=10)
@given(st.lists(st.tuples(st.sampled_from(["households", "comprehensive_service_area"]), st.integers(0, ROWS - 1))))
def test_cells_may_begin_to_be_missing_in_any_batch(holes: list[tuple[str, int]]) -> None:
    """What is missing is counted where it is, and no batch is read twice for it."""
    number = pl.int_range(pl.len())
    full = table().with_columns(pl.col("households", "comprehensive_service_area").fill_null(100))
    for name, row in holes:
        full = full.with_columns(pl.when(number != row).then(name).alias(name))
    with in_batches(BATCH), asked() as queries:
        found = PLAN.evaluate(relation(full), by="township", targets=AREA)
    assert found.rows == PLAN.evaluate(full, by="township", targets=AREA).rows
    assert not queries


@pytest.mark.parametrize(
    "changed",
    [
        {"comprehensive_service_area": float("nan")},
        {"comprehensive_service_area": float("inf")},
        {"comprehensive_service_area": 3e9},
        {"households": 2**40},
    ],
    ids=str,
)
def test_what_no_batch_before_had_is_read_all_the_same(changed: dict[str, Any]) -> None:
    """Cells that the first rows give no reason to expect, in the last ones."""
    ((name, cell),) = changed.items()
    last = pl.int_range(pl.len()) == ROWS - 10
    data = table().with_columns(pl.when(last).then(pl.lit(cell, table().schema[name])).otherwise(name).alias(name))
    with in_batches(BATCH):
        found = PLAN.evaluate(relation(data), by="county", targets=AREA)
    assert found.rows == PLAN.evaluate(data, by="county", targets=AREA).rows


@pytest.mark.parametrize("kind", [pl.Int8, pl.UInt16, pl.UInt64, pl.Float32, pl.Decimal(10, 1), pl.Boolean, pl.String])
def test_columns_of_any_type_say_what_they_say_elsewhere(kind: Any) -> None:
    """Numbers that are whole, and what is none: a text is no number here, either."""
    data = table(households=pl.int_range(pl.len()).mod(2).cast(kind))

    def outcome(given: Any) -> Any:
        try:
            return PLAN.evaluate(given, by="county", targets=AREA).rows
        except errors.CommunityPlanError as error:
            return str(error)

    with by_sql():
        expected = outcome(relation(data))
    if kind not in (pl.Boolean, pl.String):
        assert expected == outcome(data)
    with unittest.mock.patch.object(engine, "cores_there", return_value=2):
        assert outcome(relation(data)) == expected  # the types in errors are DuckDB's own


@pytest.mark.parametrize("size", [True, False], ids=["large", "small"])
def test_texts_are_read_however_duckdb_hands_them_over(size: bool) -> None:
    """A user may have set how long they can be together."""
    connection = duckdb.connect()
    connection.register("given", table().to_arrow())
    connection.execute(f"SET arrow_large_buffer_size = {str(size).lower()}")
    data = connection.table("given")
    with in_batches(BATCH), asked() as queries:
        assert PLAN.evaluate(data, by="grid", targets=AREA).rows == PLAN.evaluate(table(), by="grid", targets=AREA).rows
    assert not queries


def test_a_table_without_rows_has_sums_of_nothing() -> None:
    """As everywhere."""
    nothing = table().clear()
    with in_batches(BATCH), asked() as queries:
        found = PLAN.evaluate(relation(nothing), targets=AREA)
    assert found.rows == PLAN.evaluate(nothing, targets=AREA).rows
    assert not queries


def test_prepared_data_are_added_up_as_they_pass() -> None:
    """DuckDB is asked for its rows and for nothing else, whatever the question; on many cores for sums."""
    small = unittest.mock.patch.object(stream_engine, "_BATCH", BATCH)
    with asked():
        ready = PLAN.prepare(relation(table()), targets=AREA)
    with by_sql():
        left = PLAN.prepare(relation(table()), targets=AREA)
    for by in (None, "county", "township"):
        expected = PLAN.evaluate(table(), by=by, targets=AREA).rows
        with small, asked() as queries:
            assert PLAN.evaluate(ready, by=by).rows == expected
        assert not queries
        with asked() as queries, by_sql():
            assert PLAN.evaluate(left, by=by).rows == expected
        assert queries


def test_prepared_communities_that_reach_a_ratio_are_counted_as_they_pass() -> None:
    """Where it is not known whether one does: a missing denominator is read for nothing else."""
    reaches = Compare(
        numerator=("comprehensive_service_area",),
        denominator=("households",),
        comparator=cp.Comparator.AT_LEAST,
        value=cp.quantity("30 m²/百户"),
    )
    indicator = attrs.evolve(PLAN.indicators["rural-facility-coverage"], measure=cp.Share(condition=reaches))
    target = PLAN.targets[indicator.id]
    entries = {"indicators": Registry("indicator", [indicator]), "targets": Registry("target", [target])}
    plan = attrs.evolve(PLAN, **entries)
    expected = plan.evaluate(table(), by="county")
    assert expected.rows[0].reporting_share != 1
    with asked():
        ready = plan.prepare(relation(table()))
    with unittest.mock.patch.object(stream_engine, "_BATCH", BATCH), asked() as queries:
        assert plan.evaluate(ready, by="county").rows == expected.rows
    assert not queries


def test_prepared_sums_that_may_not_fit_64_bits_are_made_in_the_engine() -> None:
    """Ten thousand of the largest amounts: those of a county fit, and those of all would not."""
    large = table(10_000, households=pl.lit(2**50))
    with asked():
        ready = PLAN.prepare(relation(large), targets=AREA)
    with asked() as queries:
        assert PLAN.evaluate(ready, by="county").rows == PLAN.evaluate(large, by="county", targets=AREA).rows
        assert queries
        with pytest.raises(errors.SumOverflowError):
            PLAN.evaluate(ready)


def test_more_rows_than_were_reckoned_with_are_added_up_in_the_engine() -> None:
    """Their sums may not fit 64 bits."""
    with in_batches(BATCH), asked() as queries, unittest.mock.patch.object(stream_engine, "MOST_ROWS", ROWS - 1):
        found = PLAN.evaluate(relation(table()), by="county", targets=AREA)
    assert found.rows == PLAN.evaluate(table(), by="county", targets=AREA).rows
    assert queries


def test_where_there_are_many_cores_the_engine_adds_up() -> None:
    """Rows would pass one of them."""
    with asked() as queries, by_sql():
        PLAN.evaluate(relation(table()), targets=AREA)
    assert queries


@pytest.mark.parametrize("by", [None, "county", "township", "grid"])
@pytest.mark.parametrize("name", ["grid", "an endless name of a grid, "], ids=["short", "long"])
def test_of_batches_that_have_passed_sums_alone_are_kept(by: Any, name: str) -> None:
    """However many there are: labels, too, are written down apart from the rows that they were taken from."""
    read = Batches.table
    passed: list[list[weakref.ref[Any]]] = []
    most = 0

    def counted(self: Batches, batch: Any) -> Any:
        nonlocal most
        made = read(self, batch)
        columns = [piece.column if isinstance(piece, Text) else piece for (piece,) in made.columns.values()]
        passed.append([weakref.ref(each) for each in (made, *columns)])
        most = max(most, sum(any(each() is not None for each in batch) for batch in passed))
        return made

    data = table(8 * BATCH, grid=pl.concat_str(pl.lit(name), pl.int_range(pl.len()) % 5))
    with in_batches(BATCH), unittest.mock.patch.object(Batches, "table", counted):
        found = PLAN.evaluate(relation(data), by=by, targets=AREA)
    assert len(passed) == 8
    assert most <= 3  # the first, the last and the next
    assert found.rows == PLAN.evaluate(data, by=by, targets=AREA).rows


def test_every_verb_of_an_engine_sees_all_batches_or_none() -> None:
    """One that were inherited would answer for the first of them alone."""
    asked_of_the_first = {"kinds", "begins"}
    writes_only = {"select", "extend", "settled", "streamed"}
    verbs = {name for name, each in vars(Engine).items() if callable(each) and "relation" in signature(each)}
    verbs |= {"join", "from_cells", "over", "shares", *(name for name in vars(Lister) if not name.startswith("_"))}
    inherited = verbs - set(vars(stream_engine.StreamEngine))
    assert inherited == asked_of_the_first | writes_only


# -- batches as they come --------------------------------------------------------------------------------------

TYPES = {
    **{str(type_): (type_, st.integers(0, 100)) for type_ in (pa.int8(), pa.uint16(), pa.int32(), pa.uint64())},
    "int64": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "float": (pa.float32(), st.floats(width=32, allow_nan=False)),
    "double": (pa.float64(), st.floats(allow_nan=False)),
    "bool": (pa.bool_(), st.booleans()),
    **{str(type_): (type_, st.text(max_size=20)) for type_ in (pa.string(), pa.large_string(), pa.string_view())},
    "words": (pa.dictionary(pa.uint8(), pa.string()), st.sampled_from(["urban", "rural"])),
}


@given(st.sampled_from(sorted(TYPES)), st.data())
def test_a_batch_is_read_wherever_it_begins(name: str, data: st.DataObject) -> None:
    """Cells of every type, some of them missing, and whatever lies before and behind them in memory."""
    type_, cells = TYPES[name]
    listing = data.draw(st.lists(st.none() | cells, max_size=40))
    first, last = sorted(data.draw(st.tuples(st.integers(0, len(listing)), st.integers(0, len(listing)))))
    batch = pa.record_batch({"c": pa.array(listing, type_)}).slice(first, last - first)
    made = Batches.of(["other"], batch.schema).table(batch)
    (column,) = made.columns["other"]
    assert made.rows == len(column) == last - first
    assert listed(column) == listing[first:last]
    some = np.arange(0, last - first, 2)
    assert listed(detached(taken(column, some))) == listing[first:last][::2]


def test_numbers_that_no_array_holds_are_left_to_the_engine() -> None:
    """Beyond 2^63, and of types that have no array; what stands where a cell is missing says nothing."""
    large = pa.array([1, 2**63], pa.uint64())
    with pytest.raises(Misread):
        Batches.of(["c"], pa.schema({"c": pa.uint64()})).table(pa.record_batch({"c": large}))
    gone = pa.Array.from_buffers(pa.uint64(), 2, [pa.py_buffer(b"\x01"), large.buffers()[1]])
    (column,) = Batches.of(["c"], pa.schema({"c": pa.uint64()})).table(pa.record_batch({"c": gone})).columns["c"]
    assert listed(column) == [1, None]
    with pytest.raises(Misread):
        Batches.of(["c"], pa.schema({"c": pa.decimal128(10, 2)}))


# -- faults ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", [0, BATCH - 2, BATCH - 1, BATCH, 2 * BATCH - 1, ROWS - 2])
def test_a_code_that_repeats_is_found_wherever_a_batch_ends(row: int) -> None:
    """The last row of a batch and the first of the next are compared, too."""
    number = pl.int_range(pl.len())
    twice = table().with_columns(code=pl.col("code").gather(number - (number > row).cast(pl.Int64)))
    with in_batches(BATCH), pytest.raises(errors.DuplicateCodeError) as caught:
        PLAN.evaluate(relation(twice), targets=AREA)
    assert caught.value.place.row == row + 2


def test_rows_in_any_order_are_read_all_the_same() -> None:
    """In order at first, and then not."""
    order = [*range(1500), *random.Random(1).sample(range(1500, ROWS), ROWS - 1500)]
    mixed = table()[order]
    with in_batches(BATCH):
        found = PLAN.evaluate(relation(mixed), by="township", targets=AREA)
    assert found.rows == PLAN.evaluate(table(), by="township", targets=AREA).rows


@pytest.mark.parametrize("by", [None, "county", "township", ["city", "county"]], ids=str)
@pytest.mark.parametrize("whole", [False, True], ids=["texts", "numbers"])
def test_rows_in_no_order_are_added_up_as_they_pass(by: Any, whole: bool) -> None:
    """The engine is asked for codes that stand twice, and for nothing else; each time."""
    mixed = table().sample(fraction=1, shuffle=True, seed=1)
    if whole:
        mixed = mixed.with_columns(pl.col("code").cast(pl.Int64))
    expected = PLAN.evaluate(table(), by=by, targets=AREA)
    given = relation(mixed)
    with in_batches(BATCH), asked() as queries:
        for times in (1, 2):
            assert PLAN.evaluate(given, by=by, targets=AREA).rows == expected.rows
            assert len(queries) == times


@pytest.mark.parametrize("by", ["grid", ["year", "county"]], ids=str)
def test_the_engine_adds_up_rows_in_no_order_whose_codes_may_stand_twice(by: Any) -> None:
    """Once in each grid, or in each year."""
    frame = pl.concat([table(), table(year=pl.lit(2024), grid=pl.lit("new"))])
    with in_batches(BATCH), asked() as queries:
        found = PLAN.evaluate(relation(frame.sample(fraction=1, shuffle=True, seed=1)), by=by, targets=AREA)
    assert found.rows == PLAN.evaluate(frame, by=by, targets=AREA).rows
    assert len(queries) > 1


def test_a_code_that_stands_twice_far_apart_is_found() -> None:
    """In batches of which each has it once."""
    mixed = table().sample(fraction=1, shuffle=True, seed=1)
    twice = pl.concat([mixed[:-1], mixed[:1]])
    with in_batches(BATCH), pytest.raises(errors.DuplicateCodeError) as caught:
        PLAN.evaluate(relation(twice), targets=AREA)
    assert caught.value.place.row == ROWS


@pytest.mark.parametrize("row", [10, ROWS - 1])
def test_a_fault_is_told_with_its_row_and_the_connection_is_free(row: int) -> None:
    """In the first batch and in the last; afterwards the user can ask what she likes."""
    number = pl.int_range(pl.len())
    wrong = table().with_columns(households=pl.when(number == row).then(-1).otherwise("households"))
    connection = duckdb.connect()
    connection.register("given", wrong.to_arrow())
    with in_batches(BATCH), pytest.raises(errors.CellError) as caught:
        PLAN.evaluate(connection.table("given"), targets=AREA)
    assert caught.value.place.row == row + 1
    assert connection.execute("SELECT 1").fetchall() == [(1,)]


def test_a_column_that_is_missing_leaves_the_connection_free() -> None:
    """What is told before a row is read, too, and what is told after the first ones."""
    connection = duckdb.connect()
    connection.register("given", table().with_columns(households=pl.lit("many")).to_arrow())
    for by, kind in ((None, errors.ColumnTypeError), ("nowhere", errors.DataError)):
        with pytest.raises(kind):
            PLAN.evaluate(connection.table("given"), by=by, targets=AREA)
        assert connection.execute("SELECT 1").fetchall() == [(1,)]


def test_an_engine_that_fails_on_the_way_is_an_error_of_the_data() -> None:
    """A cell in the last batch that cannot be cast."""
    texts = table(households=pl.int_range(pl.len()).cast(pl.String).replace(str(ROWS - 5), "x"))
    failing = relation(texts).project("* REPLACE (CAST(households AS BIGINT) AS households)")
    with in_batches(BATCH), pytest.raises(errors.DataError, match="cannot be read"):
        PLAN.evaluate(failing, targets=AREA)


def test_what_can_be_read_only_once_is_read_once() -> None:
    """Where it is as it seems at first; else the user is told to keep it."""
    connection = duckdb.connect()

    def once(frame: pl.DataFrame) -> Any:
        data = frame.to_arrow()
        return connection.from_arrow(pa.RecordBatchReader.from_batches(data.schema, data.to_batches()))

    with in_batches(BATCH):
        for _ in range(2):  # as it is remembered, too
            assert PLAN.evaluate(once(table()), targets=AREA).rows == PLAN.evaluate(table(), targets=AREA).rows
        for frame in (table().reverse(), table().sample(fraction=1, shuffle=True, seed=1)):
            with pytest.raises(errors.DataError, match="read"):
                PLAN.evaluate(once(frame), targets=AREA)
