"""Compiled loops give what the same steps give in numpy, to the last bit, and add up what Python adds up."""

from __future__ import annotations

import functools
import importlib.metadata
import itertools
import threading
import unittest.mock
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

pytest.importorskip("llvmlite")
pytest.importorskip("nanoarrow")

from community_plan.frames import array_cells, engine, fused, instructions, keyed, traces
from community_plan.frames.array_engine import open_arrays
from community_plan.frames.arrays import Numbers, Table
from community_plan.frames.fused import Chunk, Fused
from community_plan.frames.kernels import DTYPES, Builder, Kernel, Kind, Operation
from renderings import compiled

CELLS: Mapping[Kind, st.SearchStrategy[Any]] = {
    "whole": st.one_of(st.integers(-3, 3), st.integers(-(2**63), 2**63 - 1)),
    "double": st.one_of(st.sampled_from([0.0, -0.0, 0.5, 2.0**52, -(2.0**63), 2.0**63]), st.floats()),
    "bits": st.one_of(st.integers(0, 3), st.integers(0, 2**64 - 1)),
    "truth": st.booleans(),
    "place": st.integers(-1, 3),
}


# -- every step ----------------------------------------------------------------------------------------------


@functools.cache
def operations() -> list[Operation]:
    """Return all operations that say what they do to one row."""
    found: list[Operation] = []
    for module in (traces, array_cells, keyed):
        for value in vars(module).values():
            each = value.values() if isinstance(value, Mapping) else [value]
            found += [one for one in each if isinstance(one, Operation) and one.scalar is not None]
    found += [traces._arithmetic(work, kind) for work in (np.add, np.subtract, np.multiply) for kind in NUMBERS]
    return [*dict.fromkeys([*found, traces._arithmetic(np.true_divide, "double")])]


NUMBERS: tuple[Kind, ...] = ("whole", "double")
RELATIONS = ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")
NINE, SHIFT, QUOTIENT = np.int64(9), np.uint64(32), np.int64(7)


def signatures(operation: Operation) -> list[tuple[Any, ...]]:
    """Return what an operation is applied to: kinds of registers and constants."""
    name, kind = operation.scalar, operation.kind
    match name:
        case "add" | "subtract" | "multiply" | "divide" | "bitwise_or" | "bitwise_and":
            return [(kind, kind)]
        case "right_shift":
            return [("bits", SHIFT)]
        case "quotient":
            return [("whole", QUOTIENT)]
        case _ if name in RELATIONS:
            return [(each, each) for each in ("whole", "double", "truth", "bits", "place")]
        case "logical_or" | "logical_and" | "verdict":
            return [("truth", "truth")]
        case "logical_not":
            return [("truth",)]
        case "absolute" | "isnan" | "pushed_bits":
            return [("double",)]
        case "isfinite":
            return [("double",), ("whole",)]
        case "converted":
            return [("bits",)] if kind == "bits" else [("whole",), ("double",), ("truth",)]
        case "zeroed":
            return [(kind, "truth")]
        case "kept_or_zero":
            return [("whole", "truth"), ("truth", "truth")]
        case "filled":
            return [(kind, "truth", NINE if kind == "whole" else np.float64(0.5))]
        case "picked":
            return [("truth", kind, kind)]
        case "changed":
            return [(each,) for each in ("whole", "double", "truth", "bits", "place")]
        case "first_if" | "none_if":
            return []  # they read texts where what they take for granted fails: see the tests of whole tables
        case _:
            raise AssertionError(f"no test knows what {name!r} is applied to")


CASES = [(operation, signature) for operation in operations() for signature in signatures(operation)]


def names(case: tuple[Operation, tuple[Any, ...]]) -> str:
    operation, signature = case
    return f"{operation.scalar} gives {operation.kind} for {', '.join(map(str, signature))}"


def test_every_operation_with_a_name_is_one_that_the_compiler_writes() -> None:
    """And the other way round: nothing that it writes is used nowhere."""
    assert {operation.scalar for operation in operations()} == set(instructions.WRITERS)


@functools.cache
def step_kernel(operation: Operation, signature: tuple[Any, ...]) -> Kernel:
    """Return a kernel of one step."""
    builder = Builder()
    arguments = [
        builder.input(f"c{place}", "values", each) if isinstance(each, str) else each  # type: ignore[arg-type]  # a name of a kind
        for place, each in enumerate(signature)
    ]
    return builder.kernel([builder.emit(operation, *arguments)])


def columns_of(cells: Sequence[Any]) -> dict[tuple[str, str], Any]:
    return {(f"c{place}", "values"): each for place, each in enumerate(cells)}


def by_numpy(kernel: Kernel, columns: Mapping[Any, Any], rows: int) -> dict[int, Any]:
    """Return the outputs of a kernel as numpy works them out."""
    made: dict[int, Any] = {}

    def sink(_: int, __: int) -> Callable[[int, Any], None]:
        return lambda place, cells: made.update({place: np.array(cells)})

    kernel.over(0, rows, lambda start, stop: iter([(start, stop, columns)]), sink)
    return made


def chunk_of(columns: Mapping[tuple[str, str], Any]) -> Chunk:
    """Return all rows of a table."""
    table = Table.of(len(columns["c0", "values"]), {name: Numbers(cells) for (name, _), cells in columns.items()})
    return Chunk(table, 0, table.rows)


def by_loop(kernel: Kernel, roles: Mapping[int, Any], columns: Mapping[Any, Any], **options: Any) -> dict[int, Any]:
    """Return what a loop makes of them; the options are those of `Fused.run`."""
    return Fused.of(kernel, roles).run(chunk_of(columns), **options)


def assert_same_bits(one: Any, other: Any) -> None:
    """All NaNs are one: which of them a sum of two gives is nobody's promise."""
    assert one.dtype == other.dtype
    if one.dtype == np.float64:
        assert (np.isnan(one) == np.isnan(other)).all()
        one, other = (np.where(np.isnan(cells), 0.0, cells).view(np.int64) for cells in (one, other))
    assert one.tolist() == other.tolist()


@pytest.mark.parametrize("case", CASES, ids=names)
@given(st.data())
def test_a_compiled_step_gives_what_numpy_gives(case: tuple[Operation, tuple[Any, ...]], data: st.DataObject) -> None:
    """Of any cells, in any number of rows."""
    operation, signature = case
    kernel = step_kernel(operation, signature)
    rows = data.draw(st.one_of(st.integers(1, 70), st.just(64)))
    kinds = [each for each in signature if isinstance(each, str)]
    cells = [data.draw(arrays(DTYPES[kind], rows, elements=CELLS[kind], fill=CELLS[kind])) for kind in kinds]
    columns = columns_of(cells)
    expected = by_numpy(kernel, columns, rows)[0]
    if operation.scalar == "zeroed" and operation.kind == "double":  # numpy leaves a negative zero where it lies
        expected = np.where(columns["c1", "values"], 0.0, expected)
    if operation.scalar == "changed":  # it looks at the row before, which the first has not
        marks = by_loop(kernel, {0: "mark"}, columns, bounds=np.array([1, rows]))[0] if rows > 1 else []
        assert list(marks) == np.flatnonzero(expected).tolist()
        return
    assert_same_bits(by_loop(kernel, {0: "store"}, columns)[0], expected)


# -- what lies in memory ---------------------------------------------------------------------------------------

LAYOUTS: Mapping[str, Callable[[Any], Any]] = {
    "side by side": lambda cells: cells,
    "every other": lambda cells: np.repeat(cells, 2)[::2],
    "backwards": lambda cells: cells[::-1].copy()[::-1],
    "in records of 13 bytes": lambda cells: _records(cells),
}


def _records(cells: Any) -> Any:
    records = np.zeros(len(cells), np.dtype({"names": ["x"], "formats": [cells.dtype], "offsets": [3], "itemsize": 13}))
    records["x"] = cells
    return records["x"]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("letter", "bhilqBHILfd?")
def test_cells_are_read_as_they_lie(letter: str, layout: str) -> None:
    """Whatever their width and their distance."""
    kind: Kind = "double" if letter in "fd" else "truth" if letter == "?" else "whole"
    dtype = np.dtype(letter)
    if kind == "whole":
        ends = [np.iinfo(dtype).min, np.iinfo(dtype).max if letter not in "LQ" else 2**63 - 1]
        cells = np.array([*ends, 0, 1, 2, 3, 5] * 5, dtype)
    else:
        cells = np.array([0.1, 0, 1, 2.5, 0] * 7).astype(dtype)
    laid = LAYOUTS[layout](cells)
    builder = Builder()
    register = builder.input("c0", "values", kind)
    zero = {"whole": np.int64(0), "double": np.float64(0), "truth": np.bool_(False)}[kind]
    name = "logical_or" if kind == "truth" else "add"
    work = np.logical_or if kind == "truth" else np.add
    kernel = builder.kernel([builder.emit(Operation(work, kind, scalar=name), register, zero)])
    expected = cells.astype(DTYPES[kind]).tolist()
    assert by_loop(kernel, {0: "store"}, columns_of([laid]))[0].tolist() == expected


# -- what becomes of outputs -----------------------------------------------------------------------------------


@functools.cache
def sums_kernel() -> Kernel:
    """Return a kernel with sums of numbers, one of them left to numpy, five counts, a test, a join and a column."""
    builder = Builder()
    one, other = (builder.input(f"c{place}", "values", "whole") for place in (0, 1))
    compare = {name: Operation(getattr(np, name), "truth", scalar=name) for name in RELATIONS}
    counts = [builder.emit(compare[name], one, other) for name in RELATIONS[:5]]
    total = builder.emit(traces._arithmetic(np.add, "whole"), one, other)
    by_numpy_alone = builder.emit(Operation(np.maximum, "whole"), total, other)
    holds = builder.emit(compare["greater"], one, np.int64(90))
    return builder.kernel([one, by_numpy_alone, *counts, total, holds, other, total])


ROLES: dict[int, Any] = {**dict.fromkeys(range(8), "sum"), 8: "any", 9: "join", 10: "store"}


CELLS_OF_SUMS = st.lists(st.tuples(st.integers(-9, 99), st.integers(-9, 9)), min_size=1, max_size=90)


def in_python(rows: Sequence[tuple[int, int]]) -> list[int]:
    """Return what some rows add up to."""
    return [
        sum(one for one, _ in rows),
        sum(max(one + other, other) for one, other in rows),
        *(sum(relation(one, other) for one, other in rows) for relation in PYTHON),
        sum(one + other for one, other in rows),
    ]


@given(CELLS_OF_SUMS, st.data())
def test_runs_add_up_to_what_python_adds_up(cells: list[tuple[int, int]], data: st.DataObject) -> None:
    """Numbers and counts for each run, what holds anywhere, all bits that any has, a cell for each row."""
    rows = len(cells)
    columns = columns_of([np.array(column, np.int64) for column in zip(*cells, strict=True)])
    bounds = [0, *sorted(data.draw(st.sets(st.integers(1, rows))) - {rows}), rows]
    sums = np.full((len(bounds) - 1, 8), -1, np.int64)
    found = by_loop(sums_kernel(), ROLES, columns, bounds=np.array(bounds), sums=sums)
    assert sums.tolist() == [in_python(cells[low:high]) for low, high in itertools.pairwise(bounds)]
    assert found[8] is any(one > 90 for one, _ in cells)
    assert found[9] == functools.reduce(lambda bits, cell: bits | cell[1], cells, 0)
    assert found[10].tolist() == [one + other for one, other in cells]


@given(CELLS_OF_SUMS, st.data())
def test_rows_of_groups_add_up_wherever_they_stand(cells: list[tuple[int, int]], data: st.DataObject) -> None:
    """To what is there already; groups without rows keep it."""
    columns = columns_of([np.array(column, np.int64) for column in zip(*cells, strict=True)])
    groups = data.draw(st.lists(st.integers(0, 9), min_size=len(cells), max_size=len(cells)))
    before = np.arange(80).reshape(10, 8)
    sums = before.copy()
    by_loop(sums_kernel(), dict.fromkeys(range(8), "sum"), columns, groups=np.array(groups), sums=sums)
    expected = [in_python([c for c, g in zip(cells, groups, strict=True) if g == group]) for group in range(10)]
    assert (sums - before).tolist() == expected


PYTHON: list[Callable[[int, int], bool]] = [
    lambda one, other: one == other,
    lambda one, other: one != other,
    lambda one, other: one < other,
    lambda one, other: one <= other,
    lambda one, other: one > other,
]


@pytest.mark.parametrize("odd", [(), (0,), (199,), range(0, 200, 3)], ids=["none", "the first", "the last", "many"])
def test_numbers_in_texts_are_added_up_wherever_rows_stand(odd: Sequence[int]) -> None:
    """Loops take texts for twelve digits; a table that has others is left to numpy."""
    texts = ["7" if row in odd else f"{10**11 + row}" for row in range(200)]
    frame = pl.DataFrame({"key": ["a", "b"] * 100, "number": texts})
    arrays_of, relation = open_arrays(nw.from_native(frame), frame.columns)
    with compiled(16):
        number = arrays_of.to_whole(arrays_of.column("number"))
        found = arrays_of.group(relation, ["key"], {"sum": number}, wide=False)
    totals = dict(zip(found.keys["key"], found.sums["sum"], strict=True))
    assert totals == {"a": sum(map(int, texts[::2])), "b": sum(map(int, texts[1::2]))}


@pytest.mark.parametrize("rows", [2**17, 3 * 2**16])
def test_as_many_rows_as_a_core_works_on_at_a_time_find_room_in_a_count(rows: int) -> None:
    """Three counts share a number."""
    same, more = np.zeros(rows, np.int64), np.arange(rows)
    sums = np.empty((1, 8), np.int64)
    by_loop(sums_kernel(), ROLES, columns_of([same, more]), sums=sums)
    total = rows * (rows - 1) // 2
    assert sums[0].tolist() == [0, total, 1, rows - 1, rows - 1, rows, 0, total]


@given(st.integers(1, 5_000_000), st.integers(0, 5_000_000), st.integers(1, 64))
def test_every_row_is_in_one_span_and_none_is_too_long(rows: int, others: int, cores: int) -> None:
    """Pieces of a table are cut by the rows of all, so that cores have equally much to do."""
    with unittest.mock.patch.object(fused, "cores_there", return_value=cores):
        found = fused.spans(rows, rows + others)
    assert [low for low, _ in found] == [0, *(high for _, high in found[:-1])]
    assert found[-1][1] == rows
    lengths = [high - low for low, high in found]
    assert 1 <= min(lengths) <= max(lengths) <= min(lengths) + 15
    assert all(low % 8 == 0 for low, _ in found)  # no byte of marks is in two of them
    assert max(lengths) <= 1.5 * fused._CHUNK + 8


def test_cores_that_make_the_rows_are_left_to_it() -> None:
    """What is worked on while another engine makes the next rows is worked on by one thread, the caller's."""
    with unittest.mock.patch.object(fused, "cores_there", return_value=4):
        with fused.on_one_core():
            alone = fused.on_all_cores(lambda _: threading.get_ident(), range(4), 10**9)
            assert len(fused.spans(fused._CHUNK, fused._CHUNK)) == 1
        shared = fused.on_all_cores(lambda _: threading.get_ident(), range(4), 10**9)
        assert len(fused.spans(fused._CHUNK, fused._CHUNK)) == 4
    assert set(alone) == {threading.get_ident()}
    assert threading.get_ident() not in shared


@given(st.lists(st.integers(0, 2), min_size=2, max_size=90), st.data())
@example([0] * 70, None)
@example([0, 1] * 40, None)
def test_changes_are_marked_where_a_cell_differs_from_the_one_before(cells: list[int], data: Any) -> None:
    """In the whole, and from some row on; with steps that are left to numpy, too."""
    columns = columns_of([np.array(cells, np.int64)])
    expected = [row for row in range(1, len(cells)) if cells[row] != cells[row - 1]]
    for kernel in (step_kernel(keyed.CHANGED, ("whole",)), half_compiled()):
        table = chunk_of(columns)
        assert Fused.of(kernel, {0: "mark"}).marks(table).tolist() == expected
    kernel = step_kernel(keyed.CHANGED, ("whole",))
    if data is not None:
        first = data.draw(st.integers(1, len(cells) - 1))
        found = by_loop(kernel, {0: "mark"}, columns, bounds=np.array([first, len(cells)]))[0]
        assert found.tolist() == [row for row in expected if row >= first]


@functools.cache
def half_compiled() -> Kernel:
    """Return a kernel that marks changes of a column, and of what numpy alone makes of it."""
    builder = Builder()
    cell = builder.input("c0", "values", "whole")
    made = builder.emit(traces._arithmetic(np.add, "whole"), cell, np.int64(1))
    alone = builder.emit(Operation(np.abs, "whole"), made)
    changes = [builder.emit(keyed.CHANGED, each) for each in (cell, alone)]
    return builder.kernel([builder.emit(traces._OR, *changes)])


def test_a_loop_of_the_same_steps_is_compiled_once() -> None:
    """Kernels that are written anew for each table share it."""

    def made() -> Any:
        kernel = Builder()
        cell = kernel.input("c0", "values", "whole")
        step = kernel.emit(traces._arithmetic(np.multiply, "whole"), cell, np.int64(1234567))
        fused = Fused.of(kernel.kernel([step]), {0: "store"})
        chunk = chunk_of(columns_of([np.arange(5)]))
        assert fused.run(chunk)[0].tolist() == [1234567 * row for row in range(5)]
        ((loop, _),) = fused.loops.values()
        return loop.held

    assert made() is made()


@pytest.mark.parametrize(("version", "new"), [("0.44.0", False), ("0.45.1", True), ("0.50.0rc1", True), ("1.0", True)])
def test_an_older_llvmlite_is_left_alone(version: str, new: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its pointers have types, which is another language."""
    monkeypatch.setattr(importlib.metadata, "version", lambda _: version)
    monkeypatch.setattr(engine, "_compiler_is_new", engine._compiler_is_new.__wrapped__)
    assert engine.can_compile() is new


def test_an_llvmlite_of_unknown_age_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that nobody installed, but copied."""

    def unknown(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", unknown)
    monkeypatch.setattr(engine, "_compiler_is_new", engine._compiler_is_new.__wrapped__)
    assert engine.can_compile() is False
