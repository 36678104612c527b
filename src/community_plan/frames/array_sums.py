"""Array sums: what a table of arrays adds up to, by key, checked in the same pass."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from community_plan.frames.arrays import Numbers, Table, taken
from community_plan.frames.engine import Gaps, Grouped
from community_plan.frames.fused import UnlikeTakenError
from community_plan.frames.guards import Before, Guard, Unsound, cells_of, check, tests_of
from community_plan.frames.kernels import Ref
from community_plan.frames.keyed import Asked, ShortRuns, add_to, groups_of, put_together, summable
from community_plan.frames.loop_sums import LoopSums
from community_plan.frames.outputs import worked_out
from community_plan.frames.runs import grouped, ids_of, numbered, run_starts, short_runs, summed, together, total_of
from community_plan.frames.traces import Cell, Num, Relation, Tracer
from community_plan.frames.written import kernel_for, run

__all__ = ["sum_by_key", "sum_up"]


def sum_up(relation: Relation, columns: Mapping[str, Cell | None], most: Sequence[str]) -> dict[str, int]:
    """Return sums over all rows; None counts them; of those in `most` the largest."""
    cells = {name: cell for name, cell in columns.items() if cell is not None}

    def write(tracer: Tracer) -> tuple[list[Ref], None]:
        return [summable(tracer, tracer.work(relation, cell)) for cell in cells.values()], None

    kernel, _ = kernel_for(relation, list(cells.values()), "sums", write)
    names, rows = list(cells), relation.rows
    parts: list[tuple[int, int]] = []

    def take(place: int, values: Any, count: int) -> None:
        if names[place] in most:
            parts.append((place, int(np.max(values)) if count else 0))
        else:
            parts.append((place, total_of(values.astype(object) if values.dtype == object else values, count)))

    for place, value in kernel.fixed.items():
        take(place, np.asarray(value), rows)
    run(kernel, relation.table, lambda start, stop: lambda place, made: take(place, made, stop - start))
    found = dict.fromkeys(columns, 0)
    for place, part in parts:
        name = names[place]
        found[name] = max(found[name], part) if name in most else found[name] + part
    return {name: rows if cell is None else found[name] for name, cell in columns.items()}


@attrs.define(eq=False)
class _Plan:
    """What the outputs of a kernel for sums by key are."""

    changes: int | None
    guard: Guard
    first_test: int
    gap: int | None
    gathered: list[tuple[str, int, int | None]]
    """Columns of the stage that are kept for rows with missing cells: their outputs and those of their marks."""
    first_sum: int


def sum_by_key(
    relation: Relation,
    suspects: Sequence[Any],
    staged: Relation,
    keys: Sequence[str],
    sums: Mapping[str, Cell | None],
    *,
    gaps: Gaps | None,
    wide: bool,
    before: Before | None = None,
) -> Grouped | None:
    """Return sums by key; None if a suspect holds in a row.

    Args:
        relation: What suspects are over.
        suspects: What must hold in no row.
        staged: What keys and sums are over.
        keys: Names of the keys.
        sums: What is summed; None counts rows.
        gaps: Sums that only rows with missing cells add to.
        wide: Whether to sum upper and lower halves apart, as sums may need more than 64 bits.
        before: Of a table that goes on where another ended, the keys of that one's last row: see `Guard.watch`.
    """
    asked = Asked(relation, suspects, staged, keys, sums, None if wide else gaps, wide, before)
    try:
        loops = LoopSums.of(asked)
        return _Sums(asked).by_runs() if loops is None else loops.run()
    except ShortRuns:
        return _Sums(attrs.evolve(asked, gaps=None)).by_sorting()
    except Unsound:
        return None


@attrs.define(eq=False)
class _Sums:
    asked: Asked

    def _read_by(self, sums: Sequence[str]) -> list[str]:
        """Return the columns of the stage that some sums read."""
        found: dict[str, None] = {}
        stack = self.asked.cells(sums)
        while stack:
            cell = stack.pop()
            if cell.name is not None:
                found[cell.name] = None
            stack += [argument for argument in cell.arguments if isinstance(argument, Cell)]
        return sorted(found)

    def _write(
        self, tracer: Tracer, dense: Sequence[str], sparse: Sequence[str], *, runs: bool
    ) -> tuple[list[Ref], _Plan]:
        outputs: list[Ref] = []
        changes = self.asked.changes(tracer) if runs else None
        if changes is not None:
            outputs.append(changes)
        guard = Guard.of(tracer, self.asked.relation, self.asked.suspects)
        plan = _Plan(None if changes is None else 0, guard, len(outputs), None, [], 0)
        outputs += plan.guard.outputs
        if self.asked.gaps is not None:
            plan.gap = len(outputs)
            outputs.append(tracer.holds(tracer.work(self.asked.relation, self.asked.gaps.mask)))
            for name in self._read_by(sparse):
                found = tracer.column(self.asked.staged, name)
                assert isinstance(found, Num)
                marks = None if found.missing is None else len(outputs) + 1
                plan.gathered.append((name, len(outputs), marks))
                outputs += [found.value] if found.missing is None else [found.value, found.missing]
        plan.first_sum = len(outputs)
        outputs += self.asked.outputs(tracer, self.asked.staged, dense)
        return outputs, plan

    def _kernel(self, dense: Sequence[str], sparse: Sequence[str], *, runs: bool) -> tuple[Any, _Plan]:
        cells = [*cells_of(self.asked.suspects), *self.asked.cells(dense), *self.asked.cells(sparse)]
        if self.asked.gaps is not None:
            cells.append(self.asked.gaps.mask)
        counted = tuple((self.asked.sums[name] is None, name in sparse) for name in self.asked.sums)
        told = (
            "by key",
            tuple(self.asked.keys),
            tests_of(self.asked.suspects),
            counted,
            self.asked.gaps is not None,
            self.asked.wide,
            runs,
        )
        return kernel_for(self.asked.staged, cells, told, lambda tracer: self._write(tracer, dense, sparse, runs=runs))

    def by_runs(self) -> Grouped:
        """Add up rows that stand together."""
        gaps, dense, sparse = self.asked.gaps, self.asked.dense, self.asked.sparse
        kernel, plan = self._kernel(dense, sparse, runs=True)
        table, rows = self.asked.staged.table, self.asked.staged.rows
        names = self.asked.lines(list(self.asked.sums))
        width = len(names) - len(sparse)
        watch = plan.guard.watch(self.asked.before)
        blocks: list[_Block] = []

        def sink(start: int, stop: int) -> Callable[[int, Any], None]:
            block = _Block(start, stop - start, width, by_key=bool(self.asked.keys))
            blocks.append(block)
            if plan.changes is None and self.asked.keys:
                block.cut(None)
            if plan.gap in kernel.fixed:  # in all of its rows, or in none
                block.gaps = np.arange(block.rows if kernel.fixed[plan.gap] else 0)

            def take(place: int, made: Any) -> None:
                if place >= plan.first_sum:
                    block.add(place - plan.first_sum, made)
                elif plan.gap is not None and place > plan.gap:
                    block.gathered[place] = made[block.gaps] if np.ndim(made) else made
                elif place == plan.gap:
                    block.gaps = np.flatnonzero(made)
                elif place >= plan.first_test:
                    watch.look(place - plan.first_test, start, made)
                else:
                    block.cut(made)
                    if short_runs(block.starts, block.rows) and rows > 1:
                        raise ShortRuns

            return take

        if rows:
            for place, value in kernel.fixed.items():
                if plan.first_test <= place < (plan.first_sum if plan.gap is None else plan.gap):
                    watch.look(place - plan.first_test, 0, value)
        run(kernel, table, sink)
        watch.close()
        blocks.sort(key=lambda block: block.start)
        for block in blocks:
            for place, value in kernel.fixed.items():
                if place >= plan.first_sum:
                    block.add(place - plan.first_sum, value)
        few, missing = (None, None) if gaps is None else self._few(blocks, plan, kernel.fixed)
        if not self.asked.keys:
            whole = [sum(block.totals[place] for block in blocks) for place in range(width)]
            found = dict(zip(self.asked.lines(dense), whole, strict=True))
            if few is not None and few.rows:
                found |= self._sparse_totals(sparse, few)
            return self._finished(Grouped({}, {name: [int(found.get(name, 0))] for name in names}))
        starts = np.concatenate([block.rows_at for block in blocks]) if blocks else np.zeros(0, np.int64)
        labels = self.asked.labels(starts)
        firsts, group = groups_of(labels, len(starts))
        totals = np.zeros((len(names), len(firsts)), np.int64)
        places = {name: at for at, name in enumerate(names)}
        rows_of = [places[name] for name in self.asked.lines(dense)]
        begin = 0
        for block in blocks:
            add_to(totals, rows_of, group[begin : begin + len(block.starts)], block.totals)
            begin += len(block.starts)
        if few is not None and few.rows:
            for name, within, values in self._sparse_sums(sparse, few, missing, starts):
                add_to(totals, [places[name]], group[within], values[np.newaxis])
        return self._finished(put_together(labels, firsts, len(starts), totals, names))

    def _finished(self, found: Grouped) -> Grouped:
        return together(found, list(self.asked.sums)) if self.asked.wide else found

    def _few(self, blocks: Sequence[_Block], plan: _Plan, fixed: Mapping[int, Any]) -> tuple[Table, Any]:
        """Return the rows with missing cells as a table of columns of the stage, and where they are."""
        rows = np.concatenate([block.gaps + block.start for block in blocks]) if blocks else np.zeros(0, np.int64)

        def column(place: int) -> Any:
            if place in fixed:
                return np.full(len(rows), fixed[place])
            parts = [np.broadcast_to(block.gathered[place], len(block.gaps)) for block in blocks]
            return np.concatenate(parts) if parts else np.zeros(0, np.int64)

        columns = {
            name: Numbers(column(place), None if marks is None else column(marks))
            for name, place, marks in plan.gathered
        }
        return Table.of(len(rows), columns), rows

    def _few_kernel(self, sparse: Sequence[str], few: Table) -> Any:
        under = Relation({}, few, passes=True)

        def write(tracer: Tracer) -> tuple[list[Ref], None]:
            return self.asked.outputs(tracer, under, sparse), None

        return kernel_for(under, self.asked.cells(sparse), "sparse", write)[0]

    def _sparse_totals(self, sparse: Sequence[str], few: Table) -> dict[str, int]:
        kernel = self._few_kernel(sparse, few)
        found = dict.fromkeys(sparse, 0)
        parts: list[tuple[int, int]] = []
        parts += [(place, total_of(value, few.rows)) for place, value in kernel.fixed.items()]
        run(kernel, few, lambda a, b: lambda place, made: parts.append((place, total_of(made, b - a))))
        for place, part in parts:
            found[sparse[place]] += part
        return found

    def _sparse_sums(self, sparse: Sequence[str], few: Table, rows: Any, starts: Any) -> list[tuple[str, Any, Any]]:
        """Return parts of sums: the runs that have one, and what to add to their sums."""
        kernel = self._few_kernel(sparse, few)
        runs = np.searchsorted(starts, rows, side="right") - 1
        parts: list[tuple[int, Any, Any]] = []

        def sink(start: int, stop: int) -> Callable[[int, Any], None]:
            here = runs[start:stop]
            begins = np.flatnonzero(np.diff(here, prepend=-1))

            def take(place: int, made: Any) -> None:
                cells = np.broadcast_to(made, stop - start)
                totals = np.empty(len(begins), np.int64)
                summed(cells, begins, totals)  # its rows are some of a run's, which are few enough for a byte
                parts.append((place, here[begins], totals))

            return take

        for place, value in kernel.fixed.items():
            sink(0, few.rows)(place, value)
        run(kernel, few, sink)
        return [(sparse[place], within, totals) for place, within, totals in parts]

    def by_sorting(self) -> Grouped | None:
        """Add up rows wherever they stand."""
        dense = list(self.asked.sums)
        names = self.asked.lines(dense)
        columns = dict(
            zip(
                self.asked.keys,
                worked_out(self.asked.staged, [Cell(None, name=key) for key in self.asked.keys]),
                strict=True,
            )
        )
        rows = self.asked.staged.rows
        ids, count = numbered(ids_of(list(columns.values()), rows))
        loops = LoopSums.of(attrs.evolve(self.asked, suspects=()))
        if loops is not None:
            if not check(self.asked.relation, self.asked.suspects, self.asked.before):
                return None
            with contextlib.suppress(UnlikeTakenError):
                return loops.by_id(columns, ids, count)
        if count <= 2**16:  # which numpy sorts by counting
            ids = ids.astype(np.uint16)
        kernel, plan = self._kernel(dense, (), runs=False)
        watch = plan.guard.watch(self.asked.before)
        blocks: list[_Block] = []

        def sink(start: int, stop: int) -> Callable[[int, Any], None]:
            block = _Block(start, stop - start, len(names), by_key=True)
            block.sort(ids[start:stop])
            blocks.append(block)

            def take(place: int, made: Any) -> None:
                if place >= plan.first_sum:
                    block.add(place - plan.first_sum, made)
                else:
                    watch.look(place - plan.first_test, start, made)

            return take

        try:
            for place, value in kernel.fixed.items():
                if place < plan.first_sum:
                    watch.look(place, 0, value)
            run(kernel, self.asked.staged.table, sink)
            watch.close()
        except Unsound:
            return None
        blocks.sort(key=lambda block: block.start)
        for block in blocks:
            for place, value in kernel.fixed.items():
                if place >= plan.first_sum:
                    block.add(place - plan.first_sum, value)
        starts = np.concatenate([block.rows_at for block in blocks])
        labels = {key: taken(column, starts) for key, column in columns.items()}
        totals = np.concatenate([block.totals for block in blocks], axis=1)
        return self._finished(grouped(labels, totals, names))


@attrs.define(eq=False)
class _Block:
    """Sums over a block's rows."""

    start: int
    rows: int
    width: int
    by_key: bool
    starts: Any = None
    """Where its runs start."""
    rows_at: Any = None
    """The rows of the table where they do."""
    order: Any = None
    """Its rows with those of one key side by side, if they are not so as they are."""
    totals: Any = None
    gaps: Any = attrs.field(factory=lambda: np.zeros(0, np.int64))
    """Its rows with missing cells."""
    gathered: dict[int, Any] = attrs.field(factory=dict)
    """Outputs at these rows."""

    def __attrs_post_init__(self) -> None:
        if not self.by_key:
            self.totals = [0] * self.width

    def cut(self, changes: Any) -> None:
        """Cut into runs where something changes."""
        self._set(run_starts(changes, self.rows))

    def _set(self, starts: Any) -> None:
        self.starts = starts
        self.rows_at = starts + self.start
        self.totals = np.zeros((self.width, len(starts)), np.int64)  # one piece of memory: many cost far more

    def sort(self, ids: Any) -> None:
        """Sort rows so that those of one key stand together."""
        self.order = np.argsort(ids, kind="stable")
        ordered = ids[self.order]
        starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
        self._set(starts)
        self.rows_at = self.order[starts] + self.start

    def add(self, place: int, values: Any) -> None:
        """Add up an output."""
        if not self.by_key:
            self.totals[place] = total_of(values, self.rows)
        elif not np.ndim(values):
            self.totals[place] = np.diff(self.starts, append=self.rows) * int(values)
        elif self.order is not None:
            cells = values[self.order]
            self.totals[place] = np.add.reduceat(cells, self.starts, dtype=np.int64)
        else:
            summed(values, self.starts, self.totals[place])
