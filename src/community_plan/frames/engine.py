"""Engine: what a query engine has to offer so that `native` can evaluate on it without leaving it.

Expressions of an engine (`E`) carry Python's own operators (`+ - * & | ~ == >= …`), as those of polars do.
"""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, Protocol

import attrs

from community_plan.entry import INT64_MAX
from community_plan.verdicts import Verdict

__all__ = [
    "BAD",
    "BEYOND",
    "MOST_ROWS",
    "VERDICTS",
    "Ascending",
    "Engine",
    "Gaps",
    "Grouped",
    "Holes",
    "Kind",
    "Lister",
    "Reader",
    "Reading",
    "Within",
    "can_compile",
    "cores_there",
    "streams",
]

BAD = "bad__"
"""Sum of the rows in which something is not as it was taken to be."""

BEYOND = 2**62
"""Stands for a number that does not fit 64 bits."""
VERDICTS = [verdict.value for verdict in (Verdict.UNKNOWN, Verdict.MET, Verdict.NOT_MET)]
"""The words of a column of verdicts, in the order of what is known."""
MOST_ROWS = 2**26
"""Rows that a relation is taken to have at most where counting them would cost a pass."""


class Reading(Protocol):
    """Rows on their way out of an engine, as pyarrow's record batches."""

    @property
    def schema(self) -> Any:
        """Their schema; columns may have other names in it."""

    def __iter__(self) -> Iterator[Any]:
        """Give the batches.

        Raises:
            Misread: If the engine cannot read on.
        """

    def close(self) -> None:
        """Let the engine do something else: it may have one such reading at a time."""


class Reader(Protocol):
    """Rows that an engine hands over."""

    def __call__(self, headers: Sequence[str], rows: int) -> Reading:
        """Begin to read some columns, in batches of about so many rows."""

    def alike(self, header: str) -> tuple[int, int]:
        """Return how many rows there are, and how many of them have a code that another has, too.

        The engine looks for these itself, while nothing is read from it.

        Args:
            header: The column of codes, which are whole numbers or texts of twelve digits.

        Raises:
            Misread: If the engine cannot read them.
        """


Holes = Literal["", "null", "nan"]
"""Nothing, nulls, or nulls and perhaps NaN and infinities."""


def can_compile() -> bool:
    """Say whether there is what compiles loops over arrays, in a version that reads what is written for it."""
    return sys.byteorder == "little" and importlib.util.find_spec("llvmlite") is not None and _compiler_is_new()


def streams() -> bool:
    """Say whether there is what adds up another engine's rows as they pass, and that is fastest.

    Rows pass one core; the sums themselves take some four times as long as that in SQL, on all cores together.
    """
    found = (importlib.util.find_spec(name) for name in ("pyarrow", "numpy", "nanoarrow"))
    return can_compile() and cores_there() <= _FEW_CORES and None not in found


_FEW_CORES = 4


def cores_there() -> int:
    """Return on how many cores this process may run."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@functools.cache
def _compiler_is_new() -> bool:
    try:
        found = re.match(r"(\d+)\.(\d+)", importlib.metadata.version("llvmlite"))
    except importlib.metadata.PackageNotFoundError:  # put there by hand, and of any age
        return False
    return found is not None and (int(found[1]), int(found[2])) >= (0, 45)  # LLVM 20, with untyped pointers


@attrs.frozen
class Kind:
    """What the cells of a column are, whatever the engine calls it."""

    name: Literal["integer", "float", "float32", "decimal", "text", "boolean", "nothing", "objects", "other"]
    shown: str
    """The engine's own word for it."""
    scale: int = 0
    """Decimal places of a decimal."""
    long: bool = False
    """Whether an integer is signed and has 64 bits."""
    words: tuple[str, ...] | None = None
    """The words that a categorical column can hold, if its type says so."""


@attrs.frozen
class Grouped:
    """Sums by group: a row per combination of keys, in no order."""

    keys: Mapping[str, Sequence[Any]]
    """Key to cells."""
    sums: Mapping[str, Sequence[int]]
    """Name to sums."""
    frame: Any = None
    """The same as a table that `over` takes, if it was made as one."""
    wide: bool = False
    """Whether sums may need more than 64 bits."""
    most: int = INT64_MAX
    """What no sum exceeds, unless they are wide."""


@attrs.frozen
class Within:
    """A whole number that must not be negative or larger than a limit."""

    cell: Any
    limit: int


@attrs.frozen
class Gaps:
    """Sums that only rows with missing cells add to."""

    names: frozenset[str]
    """Names of the sums."""
    mask: Any
    """Whether a row misses a cell."""


@attrs.frozen
class Ascending:
    """Keys that must come strictly after those of the row before: `(key, is a number)`, the first deciding first."""

    keys: tuple[tuple[Any, bool], ...]


class Engine(Protocol):
    """Expressions and verbs of one query engine. A relation is whatever the engine calls a lazy table."""

    wide: bool
    """Whether sums of 64-bit integers are made in more than 64 bits anyway."""
    apart: bool
    """Whether checks are cheaper in a query of their own (`check_and_group`) than as one more sum."""
    reads_slowly: bool
    """Whether texts are compared much faster than they are read as numbers."""

    fills: bool
    """Whether sums are quicker over columns that hold no nulls for certain: of a stage, no cell is ever missing."""
    in_memory: bool
    """Whether rows are worked out here, so that they are checked in the same pass."""
    looks: list[tuple[str, tuple[Any, ...], Any]] | None
    """What was asked of the data on entry, and what they said; None if nobody wants to know."""

    # -- expressions -------------------------------------------------------------------------------------

    def column(self, name: str) -> Any:
        """A column as it is."""

    def whole(self, value: int) -> Any:
        """A whole number."""

    def real(self, value: float) -> Any:
        """A double."""

    def no_number(self) -> Any:
        """A missing double."""

    def no_whole(self) -> Any:
        """A missing whole number."""

    def verdict(self, met: Any, not_met: Any) -> Any:
        """The word of a verdict: met, not_met or unknown."""

    def text(self, value: str) -> Any:
        """A text."""

    def truth(self, value: bool) -> Any:
        """True or false, for every row."""

    def is_null(self, cell: Any) -> Any:
        """Whether a cell is null."""

    def fill(self, cell: Any, value: int | str | bool) -> Any:
        """The cell, or a value where it is null."""

    def choose(self, condition: Any, then: Any, otherwise: Any) -> Any:
        """One of two; `otherwise` where the condition is null."""

    def to_whole(self, cell: Any) -> Any:
        """As a 64-bit integer; a text that is none gives null."""

    def to_number(self, cell: Any) -> Any:
        """As a double."""

    def to_text(self, cell: Any) -> Any:
        """As text."""

    def widened(self, number: Any) -> Any:
        """A whole number with room for more than 64 bits."""

    def finite(self, cell: Any) -> Any:
        """Whether a double is neither null nor NaN nor infinite; never null."""

    def nearest(self, number: Any) -> tuple[Any, Any]:
        """The whole number nearest to a double, as a double and as a 64-bit integer.

        Beyond 2^50, and for NaN and infinities, either the double is not near to it or the integer is beyond 2^50.
        """

    def absolute(self, number: Any) -> Any:
        """Its size."""

    def quotient(self, number: Any, divisor: int) -> Any:
        """Of a whole number ≥ 0, rounded down."""

    def remainder(self, number: Any, divisor: int) -> Any:
        """What the quotient leaves."""

    def digits(self, cell: Any, kind: Kind, places: int) -> tuple[Any, Any]:
        """A decimal times 10^places as a 64-bit integer, and whether it has more places than that.

        A negative one may give any integer < 0, one that does not fit any beyond 2^60, and one that has more places
        any near it.
        """

    def among(self, cell: Any, words: Sequence[str]) -> Any:
        """Whether a text is one of some words; false or null where it is null."""

    def length(self, text: Any) -> Any:
        """Bytes of a text."""

    def other_spelling(self, text: Any, number: Any) -> Any | None:
        """Whether a text of 12 bytes has a spelling of a number that only this engine reads; None if there is none."""

    def part(self, text: Any, length: int) -> Any:
        """The first characters of a text."""

    def joined(self, text: Any, ending: str) -> Any:
        """A text with an ending."""

    def matches(self, text: Any, pattern: str) -> Any:
        """Whether a text matches a pattern from end to end."""

    def after(self, keys: Sequence[tuple[Any, bool]]) -> Any | None:
        """Whether a row's keys come strictly after those of the row before; false or null where one is null.

        Keys are whole numbers or texts: `(key, is a number)`. None if the engine has no order.
        """

    # -- relations ---------------------------------------------------------------------------------------

    def kinds(self, relation: Any) -> dict[str, Kind]:
        """Headers with what their cells are."""

    def rows(self, relation: Any) -> int | None:
        """A number that the rows do not exceed, if it is known without any work."""

    def holes(self, relation: Any, headers: Sequence[str]) -> dict[str, Holes]:
        """What columns hold beside values: known, or guessed from some rows."""

    def words(self, relation: Any, header: str, *, every: bool, likely: Sequence[str] = ()) -> list[str]:
        """The distinct texts of a column, or of its first rows; what is likely where looking at them is dear."""

    def select(self, relation: Any, columns: Mapping[str, Any]) -> Any:
        """A relation of these columns alone."""

    def extend(self, relation: Any, columns: Mapping[str, Any]) -> Any:
        """The relation with some more columns."""

    def cells(self, relation: Any, columns: Sequence[str]) -> list[tuple[Any, ...]]:
        """The rows of a relation that is known to be small, or that the user asked for."""

    def where(self, relation: Any, condition: Any) -> Any:
        """The rows for which a condition holds."""

    def one_row(self, relation: Any, columns: Mapping[str, Any], *, most: Sequence[str] = ()) -> dict[str, int]:
        """Sums of columns over all rows (truth values count as 1, None counts rows); of those in `most` the largest."""

    def group(self, relation: Any, keys: Sequence[str], sums: Mapping[str, Any], *, wide: bool) -> Grouped:
        """Sums by key; truth values count as 1, None counts rows."""

    def check_and_group(
        self,
        relation: Any,
        suspects: Sequence[Any],
        stage: Mapping[str, Any],
        keys: Sequence[str],
        sums: Mapping[str, Any],
        *,
        gaps: Gaps | None,
        wide: bool,
    ) -> Grouped | None:
        """Sums by key over the columns of a stage; None if a suspect holds in a row.

        A suspect is a condition, a `Within` that is not kept or an `Ascending` that is not. Only for engines that do
        this `apart`.
        """

    def is_sound(self, relation: Any, suspects: Sequence[Any]) -> bool:
        """Whether no suspect holds in any row; only for engines that check `apart`."""

    def grouped_relation(
        self, relation: Any, keys: Sequence[str], sums: Mapping[str, Any], *, most: int | None = None
    ) -> Any:
        """The same, as a relation; `most` is what no number exceeds that is summed, if that is known."""

    def distinct(self, relation: Any, columns: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """The distinct rows of some columns."""

    def begins(self, relation: Any, header: str) -> bool:
        """Whether the first cells of a column are in ascending order."""

    def repeats(self, relation: Any, keys: Mapping[str, Any]) -> int:
        """How many rows have keys that another row before them has; rows without a first key `k0` do not count."""

    def repeated(self, relation: Any, keys: Mapping[str, Any]) -> tuple[int, int | None, int | None]:
        """The first key that repeats, its row, and the row that has it first."""

    def first(self, relation: Any, mask: Any, columns: Mapping[str, Any], most: int) -> list[tuple[int | None, ...]]:
        """The first rows in which a mask holds: the row's number from 1 (or None), then the columns."""

    def join(self, left: Any, right: Any, on: Sequence[str], add: Sequence[str]) -> Any:
        """Every row of the left with the matching one of the right, nulls where there is none; null keys match none."""

    def union(self, relation: Any, columns: Mapping[str, Sequence[Any]]) -> Any:
        """The relation with some more rows: integers, truth values and texts, columns as in the relation."""

    def from_cells(self, like: Any, columns: Mapping[str, Sequence[Any]], *, texts: Sequence[str]) -> Any:
        """A relation of Python cells that can be joined to another; `texts` names those that are no integers."""

    def over(self, frame: Any) -> tuple[Engine, Any]:
        """An engine and a relation for a frame that `group` gave."""

    def ordered(self, relation: Any, columns: Sequence[str]) -> Any:
        """The relation in ascending order of some columns, nulls last."""

    def rebased(self, relation: Any) -> tuple[Engine, Any]:
        """An engine and a relation for rows that are no longer those of the user's frame."""

    def streamed(self, relation: Any) -> tuple[Engine, Any] | None:
        """An engine and a relation that add up kept rows as they come out of this one; None if that is no faster."""

    def settled(self, relation: Any) -> Any:
        """The relation, worked out once if several queries are to read it and it fits in memory."""

    def kept(self, relation: Any, gap: Any) -> tuple[Engine, Any]:
        """An engine and a relation worked out now and kept where the engine keeps its data.

        `gap` says in which of its rows a cell is missing, if one is in any.
        """

    def handed_back(self, relation: Any, *, under: Any = None, suspects: Sequence[Any] = ()) -> Any:
        """A relation in the user's own kind of frame: a lazy one stays lazy.

        Engines that have their rows in memory look in the same pass that no suspect holds in a row of the relation
        `under` it, and give None if one does.
        """

    def shares(self, other: Any) -> bool:
        """Whether relations of another engine can be joined to this one's."""


class Lister(Engine, Protocol):
    """An engine that may have columns of Python objects, which are read one by one."""

    def listed(self, relation: Any, header: str) -> list[Any]:
        """The cells of a column, None where one is missing."""

    def beside(
        self, relation: Any, columns: Mapping[str, Sequence[int | str | None]], *, texts: Sequence[str] = ()
    ) -> Any:
        """The relation with some more columns of whole numbers; `texts` names those that are texts."""
