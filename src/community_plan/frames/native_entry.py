"""Native entry: cells of an engine turned into whole numbers inside it.

A first look at a few rows says which columns have holes and which words they use. What it says is taken for
granted and counted again in the very query that adds up the sums: if one row is not as it was taken to be,
`Misread` is raised, and the table is entered again with care, counting first.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from community_plan.columns import rounded_note
from community_plan.entry import (
    INT64_MAX,
    MAX_QUANTA,
    MISSING_PATTERN,
    TOTALS,
    TOTALS_MEND,
    TOTALS_PROBLEM,
    Note,
    Source,
    SourceColumn,
    bad_cells,
    duplicate_code,
)
from community_plan.errors import CommunityPlanError
from community_plan.frames.engine import MOST_ROWS, Ascending, Engine, Holes, Kind
from community_plan.frames.keys import Key
from community_plan.frames.native import NativeTable
from community_plan.frames.native_cells import CODE_WIDTHS, CellReader, Check, Entered
from community_plan.grouping import Misread

__all__ = ["enter"]


def enter(
    engine: Engine,
    relation: Any,
    source: Source,
    columns: Mapping[str, SourceColumn],
    *,
    labels: Mapping[str, str],
    unique: Sequence[str],
    careful: bool,
    faults: list[CommunityPlanError],
) -> NativeTable:
    """Turn a relation into whole numbers.

    Args:
        engine: The engine that holds it.
        relation: The user's data.
        source: What table it is.
        columns: The columns to take, by variable id.
        labels: Key name to header, for columns that are grouped by and are no variable.
        unique: Headers that together name a row, the code first.
        careful: Whether to count before believing; without it a wrong guess is a `Misread` later.
        faults: Collects what is wrong.
    """
    return _Entry(engine, relation, source, columns, labels, tuple(unique), careful, faults).run()


@attrs.define
class _Entry:
    engine: Engine
    relation: Any
    source: Source
    columns: Mapping[str, SourceColumn]
    labels: Mapping[str, str]
    unique: tuple[str, ...]
    careful: bool
    faults: list[CommunityPlanError]
    kinds: dict[str, Kind] = attrs.field(factory=dict)
    limit: int = MAX_QUANTA
    known_rows: int | None = None
    given: Any = None
    notes: list[Note] = attrs.field(factory=list)
    """What is to be said of columns that were read one by one."""
    alike: Mapping[str, Any] = attrs.field(factory=dict)
    """What has been seen not to repeat."""
    totals: list[Check] = attrs.field(factory=list)
    """That no row adds up others."""

    def run(self) -> NativeTable:
        engine = self.engine
        headers = list(dict.fromkeys([*(c.header for c in self.columns.values()), *self.labels.values()]))
        every = engine.kinds(self.relation)
        self.kinds = {header: every[header] for header in headers}
        holes: Mapping[str, Holes] = dict.fromkeys(headers, "nan")
        if not self.careful:
            holes = engine.holes(self.relation, headers)
        rows = self.known_rows = engine.rows(self.relation)
        at_most = MOST_ROWS if rows is None else rows
        if not self.careful and not engine.wide:
            self.limit = min(MAX_QUANTA, INT64_MAX // max(1, at_most))
        reader = CellReader(
            engine, self.relation, self.source, self.careful, self.faults, self.kinds, holes, self.limit
        )
        self.notes = reader.notes
        entered: dict[str, Entered] = {}
        keys = {name: self.label(reader, name, header) for name, header in self.labels.items()}
        codes: dict[str, tuple[Any, list[Check]]] = {}
        for name, column in self.columns.items():
            kind = column.variable.type
            if kind == "quantity":
                item = reader.quantity(column)
            elif kind == "category":
                item = reader.category(column)
            elif kind == "text":
                keys[name] = self.label(reader, name, column.header)
                if "code" not in self.columns and not keys[name].number:
                    self.totals.append(self.no_total(column, keys[name]))
                continue
            else:
                found = reader.code(column)
                if found is not None:
                    keys[name], *rest = found
                    codes[name] = (rest[0], rest[1])
                continue
            if item is not None:
                entered[name] = item
        self.given = reader.relation
        chosen = engine.select(self.given, {name: engine.column(name) for name in (*headers, *reader.taken)})
        self.relation = engine.extend(chosen, reader.ready)
        checks = [check for item in entered.values() for check in item.checks]
        checks += [check for _, some in codes.values() for check in some]
        wholes = self.wholes(entered)
        if self.faults:
            return self.table(entered, keys, codes, ())
        if not self.careful:
            suspects = [
                *(suspect for item in entered.values() for suspect in item.suspects),
                *(check.mask for _, some in codes.values() for check in some),
                *(check.mask for check in (*wholes, *self.totals)),
                *reader.doubts,
                *(engine.is_null(engine.column(h)) for h in self.unguessed(entered)),
                *self.order(codes, keys),
            ]
            return self.table(entered, keys, codes, tuple(suspects), rows_at_most=at_most)
        return self.counted(entered, keys, codes, [*checks, *wholes, *self.totals])

    def label(self, reader: CellReader, name: str, header: str) -> Key:
        """Return a column that tells regions apart; in a file some words say that nothing is told."""
        key = reader.key(header)
        if not self.source.text:
            return key
        engine = self.engine
        missing, nothing = engine.matches(key.cell, MISSING_PATTERN), engine.to_text(engine.no_number())
        return Key(reader.prepared(f"{name}__label", engine.choose(missing, nothing, key.cell)))

    def no_total(self, column: SourceColumn, key: Key) -> Check:
        """Return the check that a name is the name of one place, where no code shows it."""
        is_total = self.engine.fill(self.engine.among(key.cell, TOTALS), False)
        return Check(column, TOTALS_PROBLEM, TOTALS_MEND, is_total)

    def unguessed(self, entered: Mapping[str, Entered]) -> list[str]:
        """Return the headers of columns that are only taken to have no holes."""
        if self.known_rows is not None:
            return []  # an engine that knows its rows knows its nulls; NaN is no number, which the checks see
        return [item.column.header for item in entered.values() if item.known is None]

    def order(self, codes: Mapping[str, tuple[Any, list[Check]]], keys: Mapping[str, Key]) -> list[Any]:
        """Return what shows that codes may repeat; count them where the engine keeps no order."""
        if not self.unique or "code" not in codes:
            return []
        first, code = self.unique[0], (codes["code"][0], True)
        others = [
            (header, (keys[n].cell, keys[n].number)) for n, header in self.labels.items() if header in self.unique[1:]
        ]
        compared = code
        if self.engine.reads_slowly and self.kinds[first].name == "text":  # codes of one length, as the checks see to
            compared = (self.engine.column(first), False)
        for order in ([(first, compared), *others], [*others, (first, compared)]):
            order_keys = tuple(key for _, key in order)
            if self.engine.after(order_keys) is not None and self.engine.begins(self.relation, order[0][0]):
                return [Ascending(order_keys)]
        self.alike = {f"k{place}": cell for place, (cell, _) in enumerate([code, *(key for _, key in others)])}
        if self.engine.repeats(self.relation, self.alike):
            raise Misread
        return []

    def counted(
        self,
        entered: Mapping[str, Entered],
        keys: Mapping[str, Key],
        codes: Mapping[str, tuple[Any, list[Check]]],
        checks: Sequence[Check],
    ) -> NativeTable:
        """Count what is wrong and what is missing, before anything is believed."""
        engine = self.engine
        asked: dict[str, Any] = {f"c{place}": check.mask for place, check in enumerate(checks)}
        asked |= {f"k{place}": item.known for place, item in enumerate(entered.values()) if item.known is not None}
        asked |= {f"m{place}": item.number for place, item in enumerate(entered.values())}
        asked["rows"] = None
        most = [f"m{place}" for place in range(len(entered))]
        totals = engine.one_row(self.relation, asked, most=most)
        for place, check in enumerate(checks):
            count = totals[f"c{place}"]
            if count:
                header = check.column.header
                found = engine.first(self.relation, check.mask, {header: engine.column(header)}, 5)
                rows = [row for row, _ in found]
                text = check.problem.format(got=found[0][1])
                self.faults.append(bad_cells(self.source, header, text, rows, count=count, mend=check.mend))
        self.find_duplicates(codes, keys)
        if self.faults:
            return self.table(entered, keys, codes, ())
        full = {
            name
            for place, (name, item) in enumerate(entered.items())
            if item.known is None or totals[f"k{place}"] == totals["rows"]
        }
        known = {name: attrs.evolve(item, known=None) if name in full else item for name, item in entered.items()}
        largest = {name: totals[f"m{place}"] for place, name in enumerate(entered)}
        return self.table(known, keys, codes, (), rows_at_most=totals["rows"], largest=largest)

    def find_duplicates(self, codes: Mapping[str, tuple[Any, list[Check]]], keys: Mapping[str, Key]) -> None:
        if not self.unique or "code" not in codes:
            return
        engine = self.engine
        parts = {"k0": codes["code"][0]}
        for name, header in self.labels.items():
            if header in self.unique[1:]:
                parts[f"k{len(parts)}"] = keys[name].cell
        extra = engine.repeats(self.relation, parts)
        if extra:
            code, row, earlier = engine.repeated(self.relation, parts)
            width = CODE_WIDTHS[self.columns["code"].variable.type]
            self.faults.append(
                duplicate_code(
                    self.source, self.unique[0], str(code).zfill(width), row=row, earlier=earlier, count=extra
                )
            )

    def table(
        self,
        entered: Mapping[str, Entered],
        keys: Mapping[str, Key],
        codes: Mapping[str, tuple[Any, list[Check]]],
        suspects: tuple[Any, ...],
        *,
        rows_at_most: int = MOST_ROWS,
        largest: Mapping[str, int] | None = None,
    ) -> NativeTable:
        own = self.columns.get("code")
        return NativeTable(
            engine=self.engine,
            relation=self.relation,
            source=self.source,
            numbers={name: item.number for name, item in entered.items()},
            flags={name: item.known for name, item in entered.items() if item.known is not None},
            members={name: item.members for name, item in entered.items() if item.members is not None},
            keys=keys,
            code=codes["code"][0] if "code" in codes else None,
            code_width=12 if own is None else CODE_WIDTHS.get(own.variable.type, 12),
            code_text=(
                self.engine.column(own.header)
                if own is not None and self.kinds[own.header].name == "text" and own.variable.type == "code"
                else None
            ),
            sizes={
                name: len(item.column.variable.values) for name, item in entered.items() if item.members is not None
            },
            suspects=suspects,
            counted=tuple(
                (functools.partial(rounded_note, item.column), item.rounded)
                for item in entered.values()
                if item.rounded is not None
            ),
            largest=largest or {},
            limit=self.limit,
            rows_at_most=rows_at_most,
            found_notes=self.notes,
            alike=self.alike,
        )

    def wholes(self, entered: Mapping[str, Entered]) -> list[Check]:
        """Return the checks that no part exceeds its whole."""
        checks = []
        for part in entered.values():
            whole = entered.get(part.column.variable.part_of or "")
            if whole is None:
                continue
            larger = part.number > whole.number
            if whole.known is not None:  # a part that is missing counts as 0, which exceeds nothing
                larger = larger & whole.known
            problem = f"expected at most its whole, column {whole.column.header!r}, got {{got}}"
            checks.append(
                Check(part.column, problem, "correct one of the two, or leave it empty if it is not known", larger)
            )
        return checks
