"""Export: a plan's whole registry as plain JSON data that needs no Python to be read.

Every key is always there, and null where nothing is known. A number with a unit is exact: a quantity is
`{"number": "30", "unit": {"zh": "m²/百户", "en": "m²/100 households"}}`, its number a decimal as text, or `p/q` where
no decimal ends. A scope is `{"setting": ["rural"]}`. Its schema is `json_schemas()["registry"]`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import Any

import attrs

from community_plan.commitments import Commitment, KnownGap
from community_plan.documents import TAG_OF, exact_text
from community_plan.measures import Is, Measure, formula, variables_of
from community_plan.plan import Completeness, Document, Plan
from community_plan.sources import Discrepancy, Reading, Text
from community_plan.targets import Indicator, Target
from community_plan.units import Quantity, Unit
from community_plan.variables import Variable

__all__ = ["ADDED", "OMITTED", "VERSION", "Exported", "export_plan"]

VERSION = 1
"""Version of the form; it rises when a key changes its meaning or goes."""

ADDED: dict[type, dict[str, Any]] = {
    Completeness: {"total": int},
    Indicator: {"formula": Text, "variables": tuple[str, ...]},
    Target: {"text": Text, "measure": Measure, "formula": Text},
    Commitment: {"due_inferred": bool},
}
"""What an entry is exported with besides its own fields, and of which type."""
OMITTED: dict[type, frozenset[str]] = {
    Document: frozenset({"known_gaps"}),
    Completeness: frozenset({"known_gaps"}),
}
"""Fields that stand elsewhere in the export."""


@attrs.frozen(kw_only=True)
class Exported:
    """The top of the export; each field is a key."""

    version: int = VERSION
    """Version of the form."""
    content_hash: str
    """SHA-256 over the plan's documents and the shared ones that it is read with."""
    readings: Mapping[str, str]
    """Discrepancy id to the reading that was chosen instead of the adopted one."""
    document: Document
    """Facts of the document."""
    completeness: Completeness
    """How many entries of each kind there are."""
    variables: tuple[Variable, ...]
    """Columns that measures are made of."""
    indicators: tuple[Indicator, ...]
    """What is counted, with its formula for people and the variables that it reads."""
    targets: tuple[Target, ...]
    """What is promised; `measure` is the indicator's, narrowed to the target's scope."""
    commitments: tuple[Commitment, ...]
    """Checkable sentences of the body."""
    discrepancies: tuple[Discrepancy, ...]
    """Doubtful passages; a reading holds the fields that it sets, by target."""
    known_gaps: tuple[KnownGap, ...]
    """What of the document the registry does not hold."""


def export_plan(plan: Plan) -> dict[str, Any]:
    """Return the whole registry as dicts, lists, text, whole numbers, booleans and None, in the plan's order.

    >>> import community_plan as cp
    >>> registry = export_plan(cp.load_plan("shangqiu-14fyp"))
    >>> registry["targets"][3]["value"]
    {'number': '30', 'unit': {'zh': 'm²/百户', 'en': 'm²/100 households'}}
    """
    exported = Exported(
        content_hash=plan.content_hash,
        readings=plan.readings,
        document=plan.document,
        completeness=plan.completeness(),
        variables=tuple(plan.variables.values()),
        indicators=tuple(plan.indicators.values()),
        targets=tuple(plan.targets.values()),
        commitments=tuple(plan.commitments.values()),
        discrepancies=tuple(plan.discrepancies.values()),
        known_gaps=plan.known_gaps,
    )
    data: dict[str, Any] = _plain(exported, plan)
    return data


def _plain(value: Any, plan: Plan) -> Any:
    match value:
        case None | bool() | int():
            return value
        case Enum():
            return value.value
        case str():
            return value
        case dt.date():
            return value.isoformat()
        case Quantity():
            return {"number": exact_text(value.magnitude), "unit": _plain(value.unit, plan)}
        case Unit():
            return {"zh": value.label("zh"), "en": value.label("en")}
        case Decimal() | Fraction():
            return exact_text(Fraction(value))
        case Mapping():
            return {key: _plain(part, plan) for key, part in value.items()}
        case tuple() | list():
            return [_plain(part, plan) for part in value]
        case Discrepancy():
            readings = [_reading(reading, value, plan) for reading in value.readings]
            return {**_fields(value, plan), "readings": readings}
        case _:
            return {**_fields(value, plan), **_added(value, plan)}


def _fields(value: Any, plan: Plan) -> dict[str, Any]:
    cls = type(value)
    data: dict[str, Any] = {"kind": TAG_OF[cls]} if cls in TAG_OF else {}
    for field in attrs.fields(attrs.resolve_types(cls)):
        part = getattr(value, field.name)
        if field.name in OMITTED.get(cls, ()):
            continue
        if field.type == tuple[Is, ...]:
            data[field.name] = {test.variable: list(test.values) for test in part}
        else:
            data[field.name] = _plain(part, plan)
    return data


def _added(value: Any, plan: Plan) -> dict[str, Any]:
    match value:
        case Completeness():
            return {"total": value.total}
        case Indicator():
            return {"formula": _formula(value.measure, plan), "variables": list(variables_of(value.measure))}
        case Target():
            measure = plan.measure_of(value)
            return {
                "text": {"zh": value.text("zh"), "en": value.text("en")},
                "measure": _plain(measure, plan),
                "formula": _formula(measure, plan),
            }
        case Commitment():
            return {"due_inferred": value.due_inferred}
        case _:
            return {}


def _formula(measure: Measure, plan: Plan) -> dict[str, str]:
    return {"zh": formula(measure, plan.variables, "zh"), "en": formula(measure, plan.variables, "en")}


def _reading(reading: Reading, discrepancy: Discrepancy, plan: Plan) -> dict[str, Any]:
    """Return a reading with the fields that it sets as the targets then have them, not as they were typed."""
    other = plan.with_readings({discrepancy.id: reading.id}).targets
    changed = {name: _fields(other[name], plan) for name in reading.targets}
    targets = {name: {key: changed[name][key] for key in fields} for name, fields in reading.targets.items()}
    return {**_fields(reading, plan), "targets": targets}
