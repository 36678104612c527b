"""Commitments: every checkable sentence of a plan, and how it is checked — or that it cannot be."""

from __future__ import annotations

import datetime as dt
from typing import Literal

import attrs

from community_plan.measures import Is
from community_plan.regions import Level
from community_plan.sources import Citation, Text

__all__ = ["Check", "Commitment", "KnownGap"]

Check = Literal["measured", "evidenced", "recorded"]
"""By targets on measures, by evidence from each region that owes it, or not at all (a direction, kept in sight)."""


@attrs.frozen(kw_only=True)
class Commitment:
    """A sentence of the plan that binds somebody to something."""

    id: str
    """Such as `B024`."""
    clause: str
    """Clause path as the document counts."""
    quote: str
    """The words, byte for byte as in the source text."""
    kind: str
    """Shape of the commitment, such as `coverage`, `per-unit`, `prohibition`."""
    summary: Text
    """Short title."""
    hedge: str = ""
    """The word that softens it (力争, 鼓励, 一般, 原则上 …), as printed; empty if it is firm."""
    scope: Text
    """Whom or what it binds; says where that is inferred."""
    responsible: tuple[str, ...] = ()
    """Bodies that the text itself names as acting, as printed."""
    due: dt.date
    """Day by which it is owed; the plan's end where the sentence states none."""
    due_printed: str = ""
    """The date as printed; empty where it is inferred from the plan's end."""
    check: Check
    """How it is checked."""
    targets: tuple[str, ...] = ()
    """Targets that measure it."""
    owed_by: Level | None = None
    """Level whose regions each owe proof of it."""
    where: tuple[Is, ...] = ()
    """Narrows which regions of that level owe it, by what their codes tell: `setting` or `county_kind`."""
    every: Literal["year"] | None = None
    """Period after which it is owed again."""
    prohibition: bool = False
    """Whether it forbids: then violations are counted, and none is what is asked for."""
    discrepancies: tuple[str, ...] = ()
    """Doubtful readings that touch it."""

    @property
    def citation(self) -> Citation:
        """Where it stands, and its words."""
        return Citation(clause=self.clause, quote=self.quote)

    @property
    def due_inferred(self) -> bool:
        """Whether the due date is the plan's end for want of a printed one."""
        return not self.due_printed


@attrs.frozen(kw_only=True)
class KnownGap:
    """Something of the document that the registry does not hold, and knows that it does not."""

    id: str
    """Stable id."""
    where: str
    """Place in the document."""
    printed: str
    """What stands there."""
    note: Text
    """What is missing and what it probably holds."""
