"""Columns are looked at where they lie: marks of missing cells, views of texts, numbers for what tells rows apart."""

from __future__ import annotations

import itertools
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("nanoarrow")

import narwhals as nw

from community_plan.frames.array_frames import read, read_all
from community_plan.frames.arrays import Numbers, Others, Table, listed, spacious, stacked, taken
from community_plan.frames.bits import Bits, cut, marked, marks_at, some_marked
from community_plan.frames.outputs import _lines
from community_plan.frames.runs import alike, ascend, ascending, changes_of, ids_of, numbered, sort_keys
from community_plan.frames.texts import Text

TEXTS = st.lists(st.none() | st.text(max_size=5) | st.text(min_size=10, max_size=16), min_size=1, max_size=40)
SHORT = st.lists(st.text("0123ab漢", max_size=4), min_size=1, max_size=40)
BITS = st.integers(0, 2**64 - 1)
TABLES = st.none() | st.integers(1, 4)
"""Bits of a table in which rows look for each other."""


def bits_of(marks: list[bool], first: int) -> Bits:
    """Return marks as Arrow packs them, with others before them."""
    others = [True, False, True, True, False, True, True] * 3
    packed = np.packbits([*others[len(others) - first :], *(not mark for mark in marks)], bitorder="little")
    return Bits(packed, first, len(marks))


# -- marks -----------------------------------------------------------------------------------------------------


@given(st.lists(st.booleans(), min_size=1, max_size=70), st.integers(0, 21), st.data())
def test_packed_marks_say_what_unpacked_ones_say(marks: list[bool], first: int, data: st.DataObject) -> None:
    """All of them, some rows in a row, some rows in any order, and whether there is one at all."""
    bits = bits_of(marks, first)
    assert marked(bits).tolist() == marks
    assert some_marked(bits) is any(marks)
    low = data.draw(st.integers(0, len(marks)))
    high = data.draw(st.integers(low, len(marks)))
    part = cut(bits, low, high)
    assert len(part) == high - low
    assert marked(part).tolist() == marks[low:high]
    assert some_marked(part) is any(marks[low:high])
    rows = np.array(data.draw(st.lists(st.integers(0, len(marks) - 1))), np.int64)
    assert marks_at(bits, rows).tolist() == [marks[row] for row in rows]


@given(st.integers(1, 70), st.lists(st.integers(0, 21), min_size=1, max_size=4), st.data())
def test_marks_unpacked_by_compiled_code_are_those_that_numpy_unpacks(
    rows: int, firsts: list[int], data: st.DataObject
) -> None:
    """Of several columns at once, wherever in a byte each begins, into memory that others have used before."""
    pytest.importorskip("llvmlite")
    from community_plan.frames.unpacking import unpacked

    marks = [data.draw(st.lists(st.booleans(), min_size=rows, max_size=rows)) for _ in firsts]
    used = np.ones(data.draw(st.integers(0, 300)), bool)
    lines, room = unpacked([bits_of(some, first) for some, first in zip(marks, firsts, strict=True)], [used])
    assert lines.tolist() == marks
    assert np.shares_memory(lines, room)
    assert (room is used) is (len(used) >= lines.size)


@given(st.lists(st.booleans(), min_size=1, max_size=30))
def test_marks_that_are_arrays_are_taken_as_they_are(marks: list[bool]) -> None:
    """Both kinds are asked in the same way; no marks at all are none."""
    array = np.array(marks)
    assert marked(array).tolist() == marks
    assert cut(array, 1, 5).tolist() == marks[1:5]
    assert some_marked(array) is any(marks)
    assert marked(None) is None
    assert cut(None, 0, 1) is None
    assert some_marked(None) is False


# -- texts -----------------------------------------------------------------------------------------------------

Cells = list[str | None]


def arrow(*pieces: Any) -> Any:
    return pa.chunked_array(list(pieces))


def polars_pieces(cells: Cells) -> pl.Series:
    return pl.concat([pl.Series(part, dtype=pl.String) for part in (cells[:3], cells[3:])], rechunk=False)


KINDS: dict[str, Callable[[Cells], Any]] = {
    "polars": lambda cells: pl.Series(cells, dtype=pl.String),
    "polars in pieces": polars_pieces,
    "pyarrow": lambda cells: arrow(pa.array(cells, pa.string())),
    "pyarrow large": lambda cells: arrow(pa.array(cells, pa.large_string())),
    "pyarrow views": lambda cells: arrow(pa.array(cells, pa.string_view())),
    "pyarrow dictionary": lambda cells: arrow(pa.array(cells, pa.string()).dictionary_encode()),
    "pyarrow in pieces": lambda cells: arrow(
        pa.array([None, *cells], pa.string())[1:4], pa.array(cells[3:], pa.string())
    ),
    "pandas": lambda cells: pd.Series(cells, dtype="str"),
    "pandas arrow": lambda cells: pd.Series(cells, dtype=pd.ArrowDtype(pa.string())),
}


@pytest.mark.parametrize("kind", KINDS)
@given(cells=TEXTS, data=st.data())
def test_texts_of_every_library_are_read_as_they_are(kind: str, cells: list[str | None], data: st.DataObject) -> None:
    """Whole, in part, and row by row, however long; what is missing is missing."""
    column = stacked(read(nw.from_native(KINDS[kind](cells), series_only=True))[1])
    if all(cell is None for cell in cells):
        return  # a column of nothing has no type in some libraries
    assert isinstance(column, Text)
    assert column.listed() == cells
    low = data.draw(st.integers(0, len(cells)))
    high = data.draw(st.integers(low, len(cells)))
    assert column.sliced(low, high).listed() == cells[low:high]
    gone = column.sliced(low, high).missing()
    assert (gone.tolist() if gone is not None else [False] * (high - low)) == [cell is None for cell in cells[low:high]]
    assert column.sliced(low, high).distinct() == set(cells[low:high]) - {None}
    rows = np.array(data.draw(st.lists(st.integers(-1, len(cells) - 1), min_size=1)), np.int64)
    assert column.taken(rows).distinct() == {cells[row] for row in rows if row >= 0} - {None}
    assert listed(taken(column, rows)) == [None if row < 0 else cells[row] for row in rows]


@pytest.mark.parametrize("kind", KINDS)
@given(cells=TEXTS, others=TEXTS, data=st.data())
def test_rows_picked_from_pieces_are_given_back_as_the_library_has_them(
    kind: str, cells: list[str | None], others: list[str | None], data: st.DataObject
) -> None:
    """In ascending order, as labels of regions are picked; and those of two columns below each other."""
    if all(cell is None for cell in cells) or all(cell is None for cell in others):
        return  # a column of nothing has no type in some libraries
    picked, expected = [], []
    for column in (cells, others):
        pieces = read(nw.from_native(KINDS[kind](column), series_only=True).alias("name"))[1]
        rows = data.draw(st.lists(st.integers(0, len(column) - 1), min_size=1).map(sorted))
        picked.append(Table(len(column), {"name": pieces}).picked("name", np.array(rows)))
        expected += [column[row] for row in rows]
    below = stacked(picked)
    assert isinstance(below, Text)
    assert below.listed() == expected
    given_back = below.own()
    gone = given_back.is_null().to_list()
    assert [None if no else cell for cell, no in zip(given_back.to_list(), gone, strict=True)] == expected


def every_type(rows: int) -> pl.DataFrame:
    """A column of every type that polars has for what communities have, with holes."""
    number = pl.int_range(rows, dtype=pl.Int64)
    there = number % 7 != 2
    numbers = (*pl.datatypes.group.SIGNED_INTEGER_DTYPES, *pl.datatypes.group.UNSIGNED_INTEGER_DTYPES)
    types = sorted((*numbers, pl.Float32, pl.Float64, pl.String), key=str)
    return pl.select(
        *(pl.when(there).then(number % 50).cast(type_).alias(str(type_)) for type_ in types),
        large=pl.when(there).then(2**64 - 1 - number.cast(pl.UInt64)),
        truth=pl.when(there).then(number % 3 == 0),
        full=number,
        long=pl.when(there).then(pl.format("a name of more than twelve bytes {}", number % 9)),
        category=pl.when(there).then(number % 3).cast(pl.String).cast(pl.Categorical),
        word=(number % 2).cast(pl.String).cast(pl.Enum(["0", "1"])),
        decimal=pl.when(there).then(number).cast(pl.Decimal(12, 2)),
        nothing=pl.lit(None),
    )


@pytest.mark.parametrize("first", [0, 3, 8])
@pytest.mark.parametrize("rows", [0, 1, 90])
def test_columns_are_the_same_read_all_at_once_or_one_by_one(first: int, rows: int) -> None:
    """Of every type, in one piece or two, and wherever in their memory they begin."""
    frame = every_type(100)[first : first + rows]
    for given_frame in (frame, pl.concat([frame[:40], frame[40:]], rechunk=False)):
        user = nw.from_native(given_frame, eager_only=True)
        found = read_all(user, user.columns)
        assert list(found) == user.columns
        for name, (kind, pieces) in found.items():
            alone, others = read(user.get_column(name))
            assert kind == alone
            assert [cell for piece in pieces for cell in cells_of(piece)] == frame[name].to_list()
            assert sum(map(len, pieces)) == sum(map(len, others)) == rows


def cells_of(piece: Any) -> list[Any]:
    return piece.series.to_list() if isinstance(piece, Others) else listed(piece)


# -- what tells rows apart ----------------------------------------------------------------------------------------


@given(
    st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3) | st.integers(10**11, 10**11 + 10**6), max_size=50)
)
def test_numbers_are_numbered_from_nought(cells: list[int]) -> None:
    """However far they lie apart."""
    numbers, count = numbered(np.array(cells, np.int64))
    pairs = set(zip(cells, numbers.tolist(), strict=True))
    assert len(pairs) == len(set(cells)) == count
    assert {number for _, number in pairs} == set(range(count))


@given(st.lists(st.tuples(st.integers(0, 5) | BITS, st.integers(0, 5) | BITS), min_size=1, max_size=60), TABLES)
def test_rows_with_the_same_numbers_find_one_of_them(pairs: list[tuple[int, int]], bits: int | None) -> None:
    """Also where all look for each other in the same few places."""
    one, other = (np.array(half, np.uint64) for half in zip(*pairs, strict=True))
    found = alike(one, other, bits).tolist()
    assert [pairs[row] for row in found] == pairs
    assert len(set(found)) == len(set(pairs))


@given(SHORT | TEXTS, st.data())
def test_rows_have_one_id_where_all_their_cells_are_alike(texts: list[str | None], data: st.DataObject) -> None:
    """Of texts and of numbers, some of which are missing."""
    rows = len(texts)
    numbers = data.draw(st.lists(st.none() | st.integers(-2, 2) | st.just(2**62), min_size=rows, max_size=rows))
    gone = np.array([number is None for number in numbers])
    columns = [
        stacked(read(nw.from_native(pl.Series(texts, dtype=pl.String), series_only=True))[1]),
        Numbers(np.array([number or 0 for number in numbers], np.int64), gone if gone.any() else None),
    ]
    ids = ids_of(columns, rows).tolist()
    for one, other in itertools.combinations(range(rows), 2):
        assert (ids[one] == ids[other]) is ((texts[one], numbers[one]) == (texts[other], numbers[other]))


@given(st.lists(st.sampled_from(["a", "b" * 13, "c" * 13, "b" * 12 + "é"]), min_size=1, max_size=6))
def test_texts_of_different_pieces_change_where_they_differ(texts: list[str]) -> None:
    """Each piece has its text in the same place of its own memory."""
    pieces = [pl.select(pl.repeat(text, 3)).to_series() for text in texts]
    column = stacked(read(nw.from_native(pl.concat(pieces, rechunk=False), series_only=True))[1])
    found = changes_of([column], 3 * len(texts)).tolist()
    assert set(found) >= {0, *(3 * at for at in range(1, len(texts)) if texts[at] != texts[at - 1])}


@given(st.lists(st.tuples(st.text("0a漢", max_size=2), st.integers(0, 2)), min_size=1, max_size=6))
def test_keys_ascend_as_python_sorts_them(rows: list[tuple[str, int]]) -> None:
    """By the first one, and where that is the same by the next."""
    texts = stacked(read(nw.from_native(pl.Series([text for text, _ in rows]), series_only=True))[1])
    numbers = np.array([number for _, number in rows])
    pairs = list(itertools.pairwise(rows))
    assert ascend([texts, Numbers(numbers)]) is all(one < other for one, other in pairs)
    assert ascending([numbers], strictly=False) is all(one[1] <= other[1] for one, other in pairs)


@given(st.lists(st.none() | st.text("0a漢\0", max_size=3) | st.just("a" * 13), min_size=1, max_size=8), st.booleans())
def test_texts_are_sorted_as_python_sorts_them(texts: list[str | None], full: bool) -> None:
    """Missing ones come last."""
    cells = [text or "" for text in texts] if full else texts
    column = stacked(read(nw.from_native(pl.Series(cells, dtype=pl.String), series_only=True))[1])
    found = np.lexsort(sort_keys(column)[::-1]).tolist()
    assert found == sorted(range(len(cells)), key=lambda row: (cells[row] is None, cells[row] or ""))


# -- memory ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [0, 1, 1_000, 300_000])
def test_large_results_begin_with_a_page(rows: int) -> None:
    """Lines of cells that nothing else shares."""
    lines = spacious(3, rows, np.int64)
    assert lines.shape == (3, rows)
    lines[:] = np.arange(3)[:, np.newaxis]
    assert lines.sum() == 3 * rows
    if lines.nbytes >= 2**21:
        assert lines.ctypes.data % 2**21 == 0


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries keep memory by rules of their own")
def test_memory_that_is_kept_does_not_come_from_the_system_again() -> None:
    """A page of it at a time. In a process of its own: what others let go of before counts as well."""
    run = subprocess.run([sys.executable, "-c", PAGES], capture_output=True, text=True, check=True)
    before, after = map(int, run.stdout.split())
    assert before > 1000
    assert after < before / 100


def system_has_large_pages() -> bool:
    """Say whether memory that asks for large pages gets them."""
    said = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    return said.exists() and "[never]" not in said.read_text()


@pytest.mark.skipif(not system_has_large_pages(), reason="the system hands over small pages alone")
def test_verdicts_of_many_rows_come_in_large_pages() -> None:
    """What is written to comes from the system with far fewer calls than it has small pages."""
    resource = pytest.importorskip("resource")
    rows = 2**26
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    (line,) = _lines(1, rows, np.int8)
    line[:] = 1
    pages = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    assert int(line.sum(dtype=np.int64)) == rows
    assert pages < rows // 4096 // 2


PAGES = """
import resource
import numpy as np
from community_plan.frames.arrays import keep_memory

def pages():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    [np.ones(2**20) for _ in range(4)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

pages()
without = pages()
keep_memory()
pages()
print(without, pages())
"""
