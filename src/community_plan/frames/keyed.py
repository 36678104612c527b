"""Keyed: what sums by key are asked for, and what all ways of adding up have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from community_plan.frames.arrays import Column, Table, taken
from community_plan.frames.engine import Gaps, Grouped
from community_plan.frames.guards import Before
from community_plan.frames.kernels import Kernel, Operation, Ref, Register
from community_plan.frames.outputs import worked_out
from community_plan.frames.runs import changes_of, grouped, parted
from community_plan.frames.traces import Cell, Num, Relation, Tracer, Txt
from community_plan.frames.written import kernel_for

__all__ = ["CHANGED", "Asked", "ShortRuns", "add_to", "groups_of", "put_together", "summable"]


class ShortRuns(Exception):  # noqa: N818  # no error: it never leaves this package
    """Rows with equal keys do not stand together."""


@attrs.frozen(eq=False)
class Asked:
    """What is to be added up."""

    relation: Relation
    """What suspects are over."""
    suspects: Sequence[Any]
    """What must hold in no row."""
    staged: Relation
    """What keys and sums are over."""
    keys: Sequence[str]
    sums: Mapping[str, Cell | None]
    """None counts rows."""
    gaps: Gaps | None
    """Sums that only rows with missing cells add to."""
    wide: bool
    """Whether to sum upper and lower halves apart, as sums may need more than 64 bits."""
    before: Before | None = None
    """The last keys of the rows before the table's, for suspects that compare a row with the one before."""

    @property
    def sparse(self) -> list[str]:
        """Names of the sums that only rows with missing cells add to."""
        return [] if self.gaps is None else [name for name in self.sums if name in self.gaps.names]

    @property
    def dense(self) -> list[str]:
        """Names of the others."""
        return [name for name in self.sums if self.gaps is None or name not in self.gaps.names]

    def lines(self, names: Sequence[str]) -> list[str]:
        """Return names of what is summed: upper and lower halves, if they are summed apart."""
        return [each for name in names for each in ((f"{name}^", name) if self.wide else (name,))]

    def cells(self, names: Sequence[str]) -> list[Cell]:
        """Return expressions of sums."""
        return [cell for name in names if (cell := self.sums[name]) is not None]

    def changes(self, tracer: Tracer) -> Ref:
        """Trace where a key changes; None if each is one value for all rows."""
        found: Ref = None
        for key in self.keys:
            for part in _identities(tracer, tracer.column(self.staged, key)):
                found = tracer.both(found, tracer.emit(CHANGED, part)) if isinstance(part, Register) else found
        return found

    def heads(self) -> Kernel:
        """Return a kernel for where a key changes."""

        def write(tracer: Tracer) -> tuple[list[Ref], None]:
            changes = self.changes(tracer)
            return [np.bool_(False) if changes is None else changes], None

        kernel, _ = kernel_for(self.staged, [], ("heads", tuple(self.keys)), write)
        return kernel

    def labels(self, rows: Any) -> dict[str, Column]:
        """Return the keys of some rows, in ascending order."""
        staged = self.staged
        plain = [name for key in self.keys if (name := staged.plain(key)) is not None]
        read = staged.table.taken(dict.fromkeys([*plain, *(name for name, _ in self.heads().inputs)]), rows)
        made = worked_out(staged.on(read), [Cell(None, name=key) for key in self.keys])
        return dict(zip(self.keys, made, strict=True))

    def outputs(self, tracer: Tracer, under: Relation | Table, names: Sequence[str]) -> list[Ref]:
        """Trace sums."""
        found: list[Ref] = []
        for name in names:
            cell = self.sums[name]
            value = np.int64(1) if cell is None else summable(tracer, tracer.work(under, cell))
            found += [tracer.emit(_HIGH, value), tracer.emit(_LOW, value)] if self.wide else [value]
        return found


def summable(tracer: Tracer, number: Num) -> Ref:
    """Return numbers or truth values, 0 where one is missing."""
    if number.missing is None:
        return number.value
    if number.kind == "truth":
        return tracer.holds(number)
    known = tracer.opposite(number.missing)
    return tracer.emit(_KNOWN_OR_ZERO, number.value, known)


_KNOWN_OR_ZERO = Operation(np.multiply, "whole", scalar="kept_or_zero")
_HIGH = Operation(lambda values: parted(np.asarray(values))[0].astype(np.int64), "whole", fills=False)
_LOW = Operation(lambda values: parted(np.asarray(values))[1].astype(np.int64), "whole", fills=False)


def _changed(values: Any, out: Any = None) -> Any:
    if np.ndim(values):
        np.not_equal(values[1:], values[:-1], out=out[1:])  # first, as `out` may be the values' own memory
        out[:1] = False
    else:  # one value for all rows
        out[:] = False
    return out


CHANGED = Operation(_changed, "truth", scalar="changed")
_PLACES = Operation(lambda text: text.places, "object", fills=False)


def _identities(tracer: Tracer, found: Num | Txt) -> list[Ref]:
    """Return what changes where a key does."""
    marks = [] if found.missing is None else [found.missing]
    if isinstance(found, Num):
        return [found.value, *marks]
    if found.views is not None:
        return [*found.views, *marks]
    if found.places is not None:
        return [found.places, *marks]
    return [tracer.emit(_PLACES, found.text), *marks]


def add_to(totals: Any, lines: Sequence[int], group: Any, values: Any) -> None:
    """Add sums of runs to those of their groups; the groups of a block's runs follow each other."""
    if not len(group):
        return
    steps = np.flatnonzero(np.diff(group, prepend=-1))
    if len(steps) < len(group):  # runs of one group
        values, group = np.add.reduceat(values, steps, axis=1), group[steps]
    together = int(group[-1]) - int(group[0]) + 1 == len(group)
    where: Any = slice(int(group[0]), int(group[-1]) + 1) if together else group
    for line, sums in zip(lines, values, strict=True):
        totals[line, where] += sums


def groups_of(labels: Mapping[str, Column], count: int) -> tuple[Any, Any]:
    """Return the runs whose keys are not those of the run before, and for each run the number of its group."""
    firsts = changes_of(list(labels.values()), count)
    group = np.zeros(count, np.int64)
    group[firsts[1:]] = 1
    return firsts, np.cumsum(group, out=group)


def put_together(labels: Mapping[str, Column], firsts: Any, count: int, totals: Any, names: Sequence[str]) -> Grouped:
    """Return sums of groups, each a line of `totals`, by key."""
    few = len(firsts) < count
    return grouped({key: taken(label, firsts) if few else label for key, label in labels.items()}, totals, names)
