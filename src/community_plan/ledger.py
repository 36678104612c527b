"""Ledger: who owes which evidenced commitment, and what there is to show for it (年度任务清单和工作台账, 五(一))."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

import attrs

from community_plan.commitments import Commitment
from community_plan.errors import CellError, CommunityPlanError, DataError, NotFoundError, Place, raise_faults
from community_plan.plan import Plan
from community_plan.regions import Level, county_kind_of, level_of, normal_code, setting_of
from community_plan.sources import Text

__all__ = ["Evidence", "Ledger", "LedgerRow", "State", "draw_up"]


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


@attrs.frozen(kw_only=True)
class Evidence:
    """A row of the work ledger: what a region has to show for a commitment.

    Raises:
        CodeError: If the region is no statistical code.
    """

    commitment: str
    """Id of the commitment."""
    region: str = attrs.field(converter=normal_code)
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
    region_name: str
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

    rows: tuple[LedgerRow, ...]
    """In the plan's order, then by region."""
    plan: str
    """Id of the plan."""
    unlisted: tuple[str, ...] = ()
    """Commitments owed by townships or communities that could not be listed for want of their register."""

    def count(self) -> dict[State, int]:
        """Return how many rows stand in each state."""
        counted = Counter(row.state for row in self.rows)
        return {state: counted[state] for state in State}

    def of(self, commitment: str) -> tuple[LedgerRow, ...]:
        """Return the rows of one commitment."""
        return tuple(row for row in self.rows if row.commitment == commitment)

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return a dict for each row."""
        return [
            attrs.asdict(row, recurse=False) | {"summary": str(row.summary), "state": row.state.value}
            for row in self.rows
        ]

    def to_json(self, *, indent: int | None = None) -> str:
        """Return the rows as JSON."""
        plain = [
            {name: cell.isoformat() if isinstance(cell, dt.date) else cell for name, cell in row.items()}
            for row in self.to_dicts()
        ]
        return json.dumps(plain, ensure_ascii=False, indent=indent)


def draw_up(
    plan: Plan,
    evidence: Iterable[Evidence],
    *,
    period: str,
    regions: Mapping[Level, Mapping[str, str]],
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
        DataError: If evidence names a commitment that owes none, or a region that does not owe it, or stands twice.
    """
    owed = {c.id: c for c in plan.commitments.values() if c.check == "evidenced"}
    found = _by_place(plan, owed, evidence, period)
    rows = []
    unlisted = []
    for commitment in owed.values():
        assert commitment.owed_by is not None  # the loader refuses an evidenced commitment that nobody owes
        known = regions.get(commitment.owed_by)
        if known is None:
            unlisted.append(commitment.id)
            known = {code: code for (name, code) in found if name == commitment.id}
        for code, name in sorted(known.items()):
            if _applies(plan, commitment, code):
                rows.append(_row(commitment, code, name, found.get((commitment.id, code)), period, as_of))
    return Ledger(rows=tuple(rows), plan=plan.id, unlisted=tuple(unlisted))


def _by_place(
    plan: Plan, owed: Mapping[str, Commitment], evidence: Iterable[Evidence], period: str
) -> dict[tuple[str, str], Evidence]:
    """Return the row of evidence for each commitment and region; append every fault before raising."""
    faults: list[CommunityPlanError] = []
    found: dict[tuple[str, str], Evidence] = {}
    for number, row in enumerate(evidence, start=1):
        place = Place(table="evidence", row=number)
        if row.commitment not in owed:
            if row.commitment in plan.commitments:
                check = plan.commitments[row.commitment].check
                faults.append(DataError(f"commitment {row.commitment} is {check} and takes no evidence", place=place))
            else:
                faults.append(NotFoundError("commitment", row.commitment, owed).at(place))
            continue
        commitment = owed[row.commitment]
        if level_of(row.region) != commitment.owed_by:
            problem = f"expected the code of a {commitment.owed_by} for {commitment.id}, got {row.region!r}"
            faults.append(CellError(problem, place=place))
            continue
        if commitment.prohibition and row.done == "yes" and row.violations is None:
            problem = f"{commitment.id} is a prohibition: expected the number of violations, got done = yes"
            faults.append(CellError(problem, place=place, mend="count the violations; none is 0"))
            continue
        if commitment.every is not None and row.period != period:
            continue  # proof of another year
        key = (row.commitment, row.region)
        if key in found and found[key].period == row.period:
            faults.append(DataError(f"two rows for {row.commitment} in {row.region}, {row.period or 'once'}", place=place))
        if key not in found or found[key].period < row.period <= period:
            found[key] = row
    raise_faults(faults, subject="The evidence cannot be used")
    return found


def _applies(plan: Plan, commitment: Commitment, code: str) -> bool:
    """Say whether a region's kind, as its code says it, is one that owes the commitment; in doubt it is."""
    for test in commitment.where:
        value = setting_of(code) if test.variable == "setting" else None
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


def _row(
    commitment: Commitment, code: str, name: str, row: Evidence | None, period: str, as_of: dt.date
) -> LedgerRow:
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

