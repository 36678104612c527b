"""Lines of CSV files: whether each has as many cells as the header, and which have not."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import attrs

from community_plan.entry import Source, bad_cells
from community_plan.errors import CellError, CommunityPlanError, DataError

__all__ = ["NO_TITLE", "Rows", "even_rows", "uneven_lines"]

NO_TITLE = "a title above the headers has no place in the file"
"""What may have been taken for the headers."""
_BLOCK = 2**20
"""Bytes that are looked at in one go: few enough to stay in a processor's cache."""
_EMPTY = b", \t\r\n"
"""Bytes of lines without a filled cell."""
_ORDINARY = bytes({*range(256)} - {*b',\n"'})
_CLASSES = bytes(byte if byte in b',\r\n"' else ord("x") for byte in range(256))
_QUOTED = re.compile(rb'"[^"]*"')


def uneven_lines(
    lines: Iterable[Sequence[str]], cells: int, source: Source, *, kept: list[Sequence[str]] | None = None
) -> list[CommunityPlanError]:
    """Return a fault for each wrong number of cells that lines have, and for where they can be read no further.

    Args:
        lines: Cells of the lines below the header.
        cells: How many the header has.
        source: Where they stand.
        kept: Takes the lines but for empty ones at the end, which spreadsheets leave there.
    """
    wrong: dict[int, list[int]] = {}
    counts: dict[int, int] = {}
    row = 0
    faults: list[CommunityPlanError] = []
    try:
        for row, line in enumerate(_without_empty_end(lines), start=1):
            if kept is not None:
                kept.append(line)
            if len(line) != cells:
                counts[len(line)] = counts.get(len(line), 0) + 1
                if counts[len(line)] <= 5:  # a file of any size is told in a few words
                    wrong.setdefault(len(line), []).append(row)
    except csv.Error as error:
        mend = "see that the file is whole, and close the quotes of this row"
        faults.append(DataError(f"no readable CSV: {error}", place=source.place(row=row + 1), mend=mend))
    uneven = [_uneven(source, cells, got, rows, counts[got]) for got, rows in wrong.items()]
    return [*uneven, *faults]


def _uneven(source: Source, cells: int, got: int, rows: Sequence[int], count: int) -> CellError:
    less = "see that the file is whole, and add the cells that are missing, if only as empty ones"
    more = f"put cells that have a comma in double quotes, and give each column a header; {NO_TITLE}"
    mend = less if got < cells else more
    return bad_cells(source, None, f"expected {cells} cells, got {got}", rows, count=count, mend=mend)


def _without_empty_end(lines: Iterable[Sequence[str]]) -> Iterator[Sequence[str]]:
    """Return lines without the empty ones at the end."""
    empty: list[Sequence[str]] = []
    try:
        for line in lines:
            if any(map(str.strip, line)):
                yield from empty
                empty.clear()
                yield line
            else:
                empty.append(line)
    except csv.Error:
        yield from empty
        raise


@attrs.frozen
class Rows:
    """The rows of a file in which each line has as many cells as the header."""

    count: int
    """How many there are, without the header and the empty lines at the end."""
    empty_end: bool
    """Whether empty lines follow."""


def even_rows(path: Path, cells: int) -> Rows | None:
    """Return the rows of a CSV file, or None if its lines may not all have so many cells and must be read one by one.

    No cell is looked at: what is left of a line without quoted and ordinary characters is its separators. So lines are
    compared far faster than they are read, and files of any size in little memory. In doubt the answer is None: where
    quotes stand within a cell or line ends of several kinds in a file, engines do not agree on what a line is.
    """
    if cells < 2:  # an empty line looks like any other
        return None
    with path.open("rb") as file:
        end, size = _end(file)
        start = max(0, end - _BLOCK)
        file.seek(start)
        last = file.read(end - start).rpartition(b"\n")[2]
        if not last.strip(_EMPTY + b'"'):  # its cells may be empty ones in quotes
            return None
        file.seek(0)
        return _even_rows(file, end, cells, empty_end=end + 1 < size)


def _even_rows(file: BinaryIO, end: int, cells: int, *, empty_end: bool) -> Rows | None:
    line = b"," * (cells - 1) + b"\n"
    lines = line * (_BLOCK // cells + 2)
    count = 0
    place = 0  # within a line, in separators
    inside = False  # a quoted cell
    rest = b""
    left = end
    while left:
        read = file.read(min(_BLOCK - len(rest), left))
        left = left - len(read) if read else 0
        block = rest + read
        whole = block.rfind(b"\n") + 1 if left else len(block)
        block, rest = block[:whole], block[whole:]
        if not whole or (b"\r" in block and _breaks_alone(block, last=not left)):
            return None
        quoted = inside or b'"' in block
        if quoted and b'x"x' in block.translate(_CLASSES):
            return None
        marks = block.translate(None, _ORDINARY)
        if quoted:
            # Two quotes side by side change nothing: a cell without separators, or one quote that is written twice.
            even = _QUOTED.sub(b"", (b'"' if inside else b"") + marks.replace(b'""', b""))
            marks, quote, _ = even.partition(b'"')
            inside = bool(quote)
        if not lines.startswith(marks, place):
            return None
        more, place = divmod(place + len(marks), cells)
        count += more
    return Rows(count, empty_end) if place == cells - 1 and not inside else None


def _breaks_alone(block: bytes, *, last: bool) -> bool:
    """Say whether a carriage return stands in a block without a line feed; the very last one has its own beyond."""
    return block.count(b"\r") != block.count(b"\r\n") + (last and block.endswith(b"\r"))


def _end(file: BinaryIO) -> tuple[int, int]:
    """Return where the last line with a filled cell ends, without its line break, and the size of a file."""
    size = file.seek(0, io.SEEK_END)
    filled = size
    while filled:
        start = max(0, filled - _BLOCK)
        file.seek(start)
        kept = len(file.read(filled - start).rstrip(_EMPTY))
        filled = start + kept
        if kept:
            break
    file.seek(filled)
    after = file.read(_BLOCK).find(b"\n")  # of the empty cells of a line there are not so many
    return (size if after < 0 else filled + after), size
