"""Errors: everything that can be wrong, where it is wrong, and how to mend it.

The tree (each error is also the builtin that a caller would catch):

    CommunityPlanError
    ├── QuantityTextError (ValueError)      text that is no number with a unit
    │   └── UnknownUnitError                a unit this library does not know
    ├── DimensionError (TypeError)          two units that measure different things
    ├── NotFoundError (KeyError)            no such plan, indicator, target, region …
    ├── MeasureError (ValueError)           a measure that cannot be compiled
    ├── PlanError (ValueError)              a fault in a plan's documents
    ├── DataError (ValueError)              a fault in a table of data
    │   ├── MissingColumnError
    │   ├── ColumnTypeError                 a column of the wrong kind or dimension
    │   ├── AmbiguousColumnError            two columns for one variable
    │   ├── CellError                       values that a variable does not allow
    │   ├── DuplicateCodeError
    │   ├── CodeError                       text that is no statistical code
    │   ├── SumOverflowError                a sum that does not fit 64 bits
    │   └── TallyError                      a tally that cannot be read, merged or judged
    ├── MissingDependencyError (ImportError)
    └── FaultGroup (ExceptionGroup)         several of them, all at once
        ├── DataFaults (DataError)
        └── PlanFaults (PlanError)

One fault is raised as itself; several are raised together in a group that is an error of the same
family, so `except DataError` catches both, and `.faults` lists them in either case.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Any, Self

import attrs

__all__ = [
    "AmbiguousColumnError",
    "CellError",
    "CodeError",
    "ColumnTypeError",
    "CommunityPlanError",
    "DataError",
    "DataFaults",
    "DimensionError",
    "DuplicateCodeError",
    "FaultGroup",
    "MeasureError",
    "MissingColumnError",
    "MissingDependencyError",
    "NotFoundError",
    "Place",
    "PlanError",
    "PlanFaults",
    "QuantityTextError",
    "SumOverflowError",
    "TallyError",
    "UnknownUnitError",
    "did_you_mean",
    "nearest",
    "raise_faults",
]


def nearest(word: str, known: Iterable[str], *, count: int = 1) -> list[str]:
    """Return the known words that look most like `word`, best first, none if none is close."""
    lowered: dict[str, str] = {}
    for name in known:
        lowered.setdefault(name.lower(), name)
    matches = difflib.get_close_matches(word.lower(), list(lowered), n=count, cutoff=0.5)
    return [lowered[match] for match in matches]


def did_you_mean(words: Sequence[str]) -> str:
    """Return the question that ends a problem: whether one of the nearest words is meant; nothing if there is none."""
    return f"; did you mean {' or '.join(repr(word) for word in words)}?" if words else ""


@attrs.frozen(kw_only=True)
class Place:
    """Where something was found: any part that is known."""

    file: str | None = None
    """Path of the file, as the user gave it."""
    table: str | None = None
    """Table of a dataset: communities, facilities, workforce, townships."""
    line: int | None = None
    """Line of a text file, from 1."""
    row: int | None = None
    """Row of a table, from 1, the header not counted."""
    column: str | None = None
    """Column as it is headed in the data."""
    key: str | None = None
    """Path of a key in a document, or the code of a row."""

    def __str__(self) -> str:
        parts = []
        if self.file is not None:
            parts.append(self.file if self.line is None else f"{self.file}:{self.line}")
        if self.table is not None and self.file is None:
            parts.append(f"table {self.table}")
        if self.row is not None:
            parts.append(f"row {self.row}")
        if self.column is not None:
            parts.append(f"column {self.column!r}")
        if self.key is not None:
            parts.append(self.key)
        return ", ".join(parts)


class CommunityPlanError(Exception):
    """Anything that this library raises on purpose.

    Args:
        problem: What is wrong, in one clause: expected, got.
        place: Where.
        mend: What the user can do about it.
    """

    problem: str
    place: Place | None
    mend: str | None

    def __init__(self, problem: str, *, place: Place | None = None, mend: str | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.place = place
        self.mend = mend

    def __str__(self) -> str:
        where = str(self.place) if self.place is not None else ""
        text = f"{where}: {self.problem}" if where else self.problem
        if not self.mend:
            return text
        stop = "" if text.endswith(("?", ".")) else "."
        return f"{text}{stop} {self.mend[:1].upper()}{self.mend[1:]}."

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.args, self.__dict__.copy()))

    @property
    def faults(self) -> tuple[CommunityPlanError, ...]:
        """The single faults: this one, or those of a group."""
        return (self,)

    def at(self, place: Place) -> Self:
        """Return the same error, found at `place`."""
        self.place = place
        return self


def _rebuild(kind: type[CommunityPlanError], args: tuple[Any, ...], state: dict[str, Any]) -> CommunityPlanError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class QuantityTextError(CommunityPlanError, ValueError):
    """Text that cannot be read as one number with an optional unit."""


class UnknownUnitError(QuantityTextError):
    """A unit that this library does not know. `unit` is the text, `suggestions` the nearest names."""

    unit: str
    suggestions: tuple[str, ...]

    def __init__(self, unit: str, known: Iterable[str] = ()) -> None:
        self.unit = unit
        self.suggestions = tuple(nearest(unit, known, count=2))
        super().__init__(
            f"unknown unit {unit!r}{did_you_mean(self.suggestions)}",
            mend="units are listed by `community_plan.known_units()`",
        )


class DimensionError(CommunityPlanError, TypeError):
    """Two units that measure different things: `got` where `expected` is needed."""

    expected: str
    got: str

    def __init__(self, expected: str, got: str, *, place: Place | None = None, mend: str | None = None) -> None:
        self.expected = expected
        self.got = got
        super().__init__(f"expected a unit such as {expected!r}, got {got!r}", place=place, mend=mend)


class NotFoundError(CommunityPlanError, KeyError):
    """No entry of that name: `kind` is what was looked for, `name` the name that was given."""

    kind: str
    name: str
    suggestions: tuple[str, ...]

    def __init__(self, kind: str, name: str, known: Iterable[str] = (), *, mend: str | None = None) -> None:
        self.kind = kind
        self.name = name
        self.suggestions = tuple(nearest(str(name), known, count=2))
        super().__init__(f"no {kind} {name!r}{did_you_mean(self.suggestions)}", mend=mend)


class MeasureError(CommunityPlanError, ValueError):
    """A measure, or a target on it, that cannot be compiled."""


class PlanError(CommunityPlanError, ValueError):
    """A fault in a plan's documents."""


class DataError(CommunityPlanError, ValueError):
    """A fault in a table of data."""


class MissingColumnError(DataError):
    """A column that the targets need and the table does not have."""


class ColumnTypeError(DataError):
    """A column whose type or unit does not fit its variable."""


class AmbiguousColumnError(DataError):
    """Two columns that both stand for one variable."""


class CellError(DataError):
    """Values that their variable does not allow; `count` says in how many rows."""

    count: int

    def __init__(self, problem: str, *, place: Place | None = None, mend: str | None = None, count: int = 1) -> None:
        self.count = count
        super().__init__(problem, place=place, mend=mend)


class DuplicateCodeError(DataError):
    """One code on two rows."""


class CodeError(DataError):
    """Text that is no statistical code of the kind that is needed."""


class SumOverflowError(DataError):
    """A sum of quanta that does not fit a signed 64-bit integer."""


class TallyError(DataError):
    """A tally that cannot be read, added to another, or judged by a plan."""


class MissingDependencyError(CommunityPlanError, ImportError):
    """A library that this call needs and that is not installed."""

    def __init__(self, library: str, *, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs {library}, which is not installed",
            mend=f'run: pip install "community-plan[{extra}]"',  # which every shell reads alike
        )


class FaultGroup(CommunityPlanError, ExceptionGroup[CommunityPlanError]):  # noqa: N818  # a group, as ExceptionGroup is
    """Several faults, raised together; its text lists them, a line each."""

    def __new__(cls, problem: str, faults: Sequence[CommunityPlanError]) -> Self:
        """Make the group; `faults` are its exceptions."""
        return super().__new__(cls, problem, faults)

    def __init__(self, problem: str, faults: Sequence[CommunityPlanError]) -> None:  # noqa: ARG002  # read in __new__
        CommunityPlanError.__init__(self, problem)

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.problem, list(self.exceptions)))

    def derive(self, excs: Sequence[Any], /) -> FaultGroup:  # type: ignore[override]  # ours hold only our own errors
        """Return a group of the same kind with other faults (for `except*`)."""
        return type(self)(self.problem, excs)

    def __str__(self) -> str:
        return "\n".join([f"{self.problem}:", *(f"  - {fault}" for fault in self.faults)])

    @property
    def faults(self) -> tuple[CommunityPlanError, ...]:
        """The single faults, in the order in which they were found."""
        return tuple(self.exceptions)  # type: ignore[arg-type]  # the group holds only our own errors


class DataFaults(FaultGroup, DataError):  # noqa: N818  # a group
    """Several faults in the data."""


class PlanFaults(FaultGroup, PlanError):  # noqa: N818  # a group
    """Several faults in a plan's documents."""


def raise_faults(faults: Sequence[CommunityPlanError], *, subject: str, group: type[FaultGroup] = DataFaults) -> None:
    """Raise one fault as itself and several together; return when there are none."""
    if len(faults) == 1:
        raise faults[0]
    if faults:
        raise group(f"{subject}: {len(faults)} faults", faults)
