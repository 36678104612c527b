"""Ledger: who owes which evidenced commitment, and what there is to show for it (年度任务清单和工作台账, 五(一))."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import Any

import attrs

from community_plan.columns import read_cells
from community_plan.commitments import Commitment
from community_plan.documents import json_text
from community_plan.entry import Source, SourceColumn, bad_cells, resolve_columns
from community_plan.errors import (
    CellError,
    CommunityPlanError,
    DataError,
    NotFoundError,
    Place,
    did_you_mean,
    raise_faults,
)
from community_plan.headers import names_of
from community_plan.plan import Plan
from community_plan.regions import Level, code_text, county_kind_of, level_of, normal_code, setting_of
from community_plan.sources import Text
from community_plan.tables import as_cells, file_in, open_table, open_tables, path_of
from community_plan.units import Lang
from community_plan.variables import TableName

__all__ = ["Evidence", "Ledger", "LedgerRow", "State", "draw_up", "is_year", "read_evidence", "regions_of"]


class State(StrEnum):
    """How a commitment stands in a region."""

    PROVED = "proved"
    """Done, with a document that shows it."""
    UNPROVED = "unproved"
    """Said to be done, without a document."""
    OPEN = "open"
    """Not done, or nothing is known, and not yet due."""
    OVERDUE = "overdue"
    """Not done, or nothing is known, and due."""
    VIOLATED = "violated"
    """A prohibition that was broken."""
    NOT_APPLICABLE = "not_applicable"
    """Somebody declared, with a row of evidence, that it does not apply here."""


def _region(code: str | int) -> str:
    return normal_code(code_text(code))


@attrs.frozen(kw_only=True)
class Evidence:
    """A row of the work ledger: what a region has to show for a commitment.

    Raises:
        CodeError: If the region is no statistical code.
    """

    commitment: str
    """Id of the commitment."""
    region: str = attrs.field(converter=_region)
    """Code of the region that owes it."""
    period: str = ""
    """Year it is for; empty for what is owed once."""
    done: str | None = None
    """`yes`, `no`, `not_applicable`, or None if nobody knows."""
    violations: int | None = None
    """Violations of a prohibition; zero meets it."""
    document: str = ""
    """Document that proves it."""
    date: dt.date | None = None
    """Date of the document."""
    responsible: str = ""
    """Who answers for it."""
    place: Place | None = attrs.field(default=None, eq=False, repr=False)
    """Row that it was read from, to be named where it is at fault."""


@attrs.frozen(kw_only=True)
class LedgerRow:
    """One commitment in one region that owes it."""

    commitment: str
    """Id of the commitment."""
    summary: Text
    """Short title."""
    clause: str
    """Where the plan says it."""
    hedge: str
    """Word that softens it, as printed."""
    level: Level
    """Level of the region."""
    region: str
    """Code of the region."""
    region_name: Text
    """Name, if known, else the code."""
    period: str
    """Period it is looked at for."""
    state: State
    """How it stands."""
    violations: int | None
    """Violations counted, for a prohibition."""
    document: str
    """Document that proves it."""
    date: dt.date | None
    """Date of the document."""
    responsible: str
    """Who answers for it: as the evidence says, else the bodies that the plan names."""
    due: dt.date
    """Day by which it is owed."""
    due_inferred: bool
    """Whether that day is the plan's end for want of a printed one."""


@attrs.frozen(kw_only=True)
class Ledger:
    """Every evidenced commitment × every region that owes it."""

    rows: tuple[LedgerRow, ...] = attrs.field(repr=False)
    """In the plan's order, then by region."""
    plan: str
    """Id of the plan."""
    unlisted: tuple[str, ...] = ()
    """Commitments owed by regions that could not be listed for want of their register: by townships or communities
    without `data=`, by cities or counties of a plan that names none."""

    def __iter__(self) -> Iterator[LedgerRow]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def count(self) -> dict[State, int]:
        """Return how many rows stand in each state."""
        counted = Counter(row.state for row in self.rows)
        return {state: counted[state] for state in State}

    def of(self, commitment: str) -> tuple[LedgerRow, ...]:
        """Return the rows of one commitment."""
        return tuple(row for row in self.rows if row.commitment == commitment)

    def to_dicts(self, lang: Lang = "zh") -> list[dict[str, Any]]:
        """Return a dict for each row, with titles and names in a language."""
        return [
            attrs.asdict(row, recurse=False)
            | {
                "summary": row.summary.get(lang),
                "region_name": row.region_name.get(lang),
                "state": row.state.value,
            }
            for row in self.rows
        ]

    def to_json(self, lang: Lang = "zh", *, indent: int | None = None) -> str:
        """Return the rows as JSON, with titles and names in a language."""
        return json_text(self.to_dicts(lang), indent)


_COLUMNS = ("commitment", "region", "period", "done", "violations", "document", "date", "responsible")


def read_evidence(plan: Plan, data: Any) -> list[Evidence]:
    """Read rows of evidence: `Evidence` objects, a frame, a CSV or parquet file, or a folder that has one.

    Raises:
        DataError: One fault, or a `DataFaults` group with all that were found.
    """
    if isinstance(data, str | Path) and path_of(data).is_dir():
        found = file_in(Path(data), "evidence")
        if found is None:
            raise DataError("expected a file evidence.csv or evidence.parquet, got none", place=Place(file=str(data)))
        data = found
    table = as_cells(open_table(data, "evidence", Evidence))
    faults: list[CommunityPlanError] = []
    needed = dict.fromkeys(("commitment", "region"), ())
    columns = resolve_columns(
        table.source, list(table.columns), plan.variables, needed, optional=_COLUMNS, faults=faults
    )
    read: dict[str, list[Any]] = {
        name: read_cells(table.source, column, table.columns[column.header], faults, [])
        for name, column in columns.items()
    }
    days, odd = _days(table.source, columns.get("date"), read.get("date", [None] * table.rows))
    words = [value.id for value in plan.variables["evidence.done"].values]
    rows: list[Evidence] = []
    for number in range(table.rows if not faults else 0):
        cells = {name: cells[number] for name, cells in read.items()}
        place = table.source.place(row=number + 1)
        if cells["commitment"] is None:
            faults.append(CellError("expected the id of a commitment, got none", place=place))
            continue
        done = cells.get("done")
        rows.append(
            Evidence(
                commitment=cells["commitment"],
                region=cells["region"],
                period=_year(cells.get("period")),
                done=None if done is None else words[done],
                violations=cells.get("violations"),
                document=cells.get("document") or "",
                date=days[number],
                responsible=cells.get("responsible") or "",
                place=place,
            )
        )
    raise_faults([*faults, *odd], subject="The evidence cannot be read")
    return rows


_DAY = re.compile(
    r"(\d{4})(?:-(\d\d?)-(\d\d?)|/(\d\d?)/(\d\d?)|\.(\d\d?)\.(\d\d?)|年(\d\d?)月(\d\d?)日|(\d\d)(\d\d))"
    r"(?:[ T]\d\d?:\d\d\S*)?",
    re.ASCII,
)
"""A day, the year first, as spreadsheets and clerks write it too; the time of day says nothing."""


def _days(
    source: Source, column: SourceColumn | None, texts: Sequence[str | None]
) -> tuple[list[dt.date | None], list[CellError]]:
    """Return the days that a column of dates has, if there is one, and a fault for its texts that are none."""
    days: list[dt.date | None] = []
    wrong: list[int] = []
    for row, text in enumerate(texts, start=1):
        found = None if text is None else _DAY.fullmatch(text)
        day = None
        if found is not None:
            with contextlib.suppress(ValueError):  # there is no 30 February
                day = dt.date(*(int(part) for part in found.groups() if part is not None))
        if text is not None and day is None:
            wrong.append(row)
        days.append(day)
    if column is None or not wrong:
        return days, []
    problem = f"expected a date such as 2025-12-31 or 2025/12/31, got {texts[wrong[0] - 1]!r}"
    mend = "write the year, the month and the day, or leave the cell empty if it is not known"
    return days, [bad_cells(source, column.header, problem, wrong, mend=mend)]


def _year(text: str | None) -> str:
    """Return a year without what a spreadsheet or a clerk adds: 2025.0, 2025年."""
    return re.sub(r"(\.0|年|年度)$", "", text or "")


def is_year(text: str) -> bool:
    """Return whether a text is a year of four digits."""
    return bool(re.fullmatch(r"[12]\d{3}", text, re.ASCII))


def regions_of(plan: Plan, data: Any = None) -> dict[Level, dict[str, Text]]:
    """Return the regions that can owe something: the plan's own, and those of the tables that are given.

    Args:
        plan: The plan.
        data: A `Dataset`, a folder or a communities table; without it townships and communities are not known.
    """
    found: dict[Level, dict[str, Text]] = {}
    for code, region in plan.regions.items():
        if region.level in ("city", "county"):
            found.setdefault(region.level, {})[code] = region.name or Text(code, code)
    if data is not None:
        opened = open_tables(data)
        tables: tuple[tuple[TableName, Level], ...] = (("communities", "community"), ("townships", "township"))
        for table, level in tables:
            if table in opened.tables:
                names = names_of(opened, plan.variables, table)
                found[level] = {code: Text(name, name) for code, name in names.items()}
    return found


def draw_up(
    plan: Plan,
    evidence: Iterable[Evidence],
    *,
    period: str,
    regions: Mapping[Level, Mapping[str, Text]],
    as_of: dt.date,
) -> Ledger:
    """List every evidenced commitment × region that owes it, with its state.

    Args:
        plan: The plan.
        evidence: Rows of the work ledger.
        period: Year that is looked at, such as `2025`.
        regions: For each level that is known, code to name of its regions.
        as_of: Day from which a due date has passed.

    Raises:
        DataError: If evidence names a commitment that owes none, or a region that does not owe it, if it says no year
            for what is owed each year, or stands twice; several faults come together as `DataFaults`.
        NotFoundError: If it names a commitment that the plan does not have.
    """
    owed = {c.id: c for c in plan.commitments.values() if c.check == "evidenced"}
    found = _by_place(plan, owed, evidence, period, regions)
    rows = []
    unlisted = []
    for commitment in owed.values():
        assert commitment.owed_by is not None  # the loader refuses an evidenced commitment that nobody owes
        known = regions.get(commitment.owed_by)
        if known is None:
            unlisted.append(commitment.id)
            known = {code: Text(code, code) for (name, code) in found if name == commitment.id}
        for code, name in sorted(known.items()):
            if _applies(plan, commitment, code):
                rows.append(_row(commitment, code, name, found.get((commitment.id, code)), period, as_of))
    return Ledger(rows=tuple(rows), plan=plan.id, unlisted=tuple(unlisted))


def _by_place(
    plan: Plan,
    owed: Mapping[str, Commitment],
    evidence: Iterable[Evidence],
    period: str,
    regions: Mapping[Level, Mapping[str, Text]],
) -> dict[tuple[str, str], Evidence]:
    """Return the row of evidence for each commitment and region; append every fault before raising."""
    faults: list[CommunityPlanError] = []
    found: dict[tuple[str, str], Evidence] = {}
    seen: set[tuple[str, str, str]] = set()
    for number, row in enumerate(evidence, start=1):
        place = row.place or Place(table="evidence", row=number)
        if row.commitment not in owed:
            if row.commitment in plan.commitments:
                check = plan.commitments[row.commitment].check
                faults.append(DataError(f"commitment {row.commitment} is {check} and takes no evidence", place=place))
            else:
                faults.append(NotFoundError("commitment", row.commitment, owed).at(place))
            continue
        commitment = owed[row.commitment]
        fault = _region_fault(plan, commitment, row.region, regions)
        if fault is not None:
            faults.append(fault.at(place))
            continue
        if commitment.prohibition and row.done == "yes" and row.violations is None:
            problem = f"{commitment.id} is a prohibition: expected the number of violations, got done = yes"
            faults.append(CellError(problem, place=place, mend="count the violations; none is 0"))
            continue
        if not (is_year(row.period) or (commitment.every is None and not row.period)):
            or_none = "" if commitment.every is not None else " or none"
            problem = f"expected a year such as {period}{or_none} for {commitment.id}, got {row.period!r}"
            faults.append(CellError(problem, place=place))
            continue
        key = (row.commitment, row.region)
        if (*key, row.period) in seen:
            faults.append(
                DataError(f"two rows for {row.commitment} in {row.region}, {row.period or 'once'}", place=place)
            )
        seen.add((*key, row.period))
        if row.period > period or (commitment.every is not None and row.period != period):
            continue  # proof of a later year, or of another one
        if key not in found or found[key].period < row.period:
            found[key] = row
    raise_faults(faults, subject="The evidence cannot be used")
    return found


def _region_fault(
    plan: Plan, commitment: Commitment, code: str, regions: Mapping[Level, Mapping[str, Text]]
) -> DataError | None:
    """Return what keeps a region from owing a commitment."""
    level = commitment.owed_by
    assert level is not None
    if level_of(code) != level:
        return CellError(f"expected the code of a {level} for {commitment.id}, got {code!r}")
    known = regions.get(level)
    if known is not None and code not in known:
        near = _slip(code, known)
        hint = "" if near is None else did_you_mean([near])
        register = "the plan" if level in ("city", "county") else "data="
        problem = f"expected a {level} of {register} for {commitment.id}, got {code!r}{hint}"
        mend = "correct the code" if register == "the plan" else f"correct the code, or list the {level} in the data"
        return CellError(problem, mend=mend)
    if not _applies(plan, commitment, code):
        kind = ", ".join(f"{test.variable} = {' or '.join(test.values)}" for test in commitment.where)
        problem = f"expected a {level} with {kind} for {commitment.id}, got {code!r}, whose code says otherwise"
        return CellError(problem, mend="correct the code, or drop the row")
    return None


def _slip(code: str, known: Container[str]) -> str | None:
    """Return a known code that two swapped neighbours or one wrong digit make of a code."""
    swapped = (code[:at] + code[at + 1] + code[at] + code[at + 2 :] for at in range(len(code) - 1))
    wrong = (code[:at] + digit + code[at + 1 :] for at in reversed(range(len(code))) for digit in "0123456789")
    return next((near for near in chain(swapped, wrong) if near in known), None)


def _applies(plan: Plan, commitment: Commitment, code: str) -> bool:
    """Say whether a region's kind, as its code says it, is one that owes the commitment; in doubt it is."""
    for test in commitment.where:
        value: str | None = setting_of(code) if test.variable == "setting" else None
        if test.variable == "county_kind":
            value = plan.declared_kinds.get(code[:6], county_kind_of(code))
        if value is not None and value not in test.values:
            return False
    return True


def _state(commitment: Commitment, row: Evidence | None, as_of: dt.date, due: dt.date) -> State:
    waiting = State.OVERDUE if as_of > due else State.OPEN
    if row is None:
        return waiting
    if row.done == "not_applicable":
        return State.NOT_APPLICABLE
    if commitment.prohibition:
        if row.violations is None:
            return waiting
        if row.violations > 0:
            return State.VIOLATED
        return State.PROVED if row.document else State.UNPROVED
    if row.done != "yes":
        return waiting
    return State.PROVED if row.document else State.UNPROVED


def _row(commitment: Commitment, code: str, name: Text, row: Evidence | None, period: str, as_of: dt.date) -> LedgerRow:
    due = commitment.due
    if commitment.every == "year":
        due = min(due, dt.date(int(period), 12, 31))
    level = commitment.owed_by
    assert level is not None
    return LedgerRow(
        commitment=commitment.id,
        summary=commitment.summary,
        clause=commitment.clause,
        hedge=commitment.hedge,
        level=level,
        region=code,
        region_name=name,
        period=period,
        state=_state(commitment, row, as_of, due),
        violations=None if row is None else row.violations,
        document="" if row is None else row.document,
        date=None if row is None else row.date,
        responsible=(row.responsible if row is not None else "") or "、".join(commitment.responsible),
        due=due,
        due_inferred=commitment.due_inferred,
    )
