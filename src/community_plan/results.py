"""Results: a row for each region and target, exact inside, in any form outside."""

from __future__ import annotations

import datetime as dt
import functools
import html
import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from community_plan.documents import json_text
from community_plan.entry import Note
from community_plan.errors import MissingDependencyError, NotFoundError
from community_plan.labels import label
from community_plan.measures import Comparator
from community_plan.regions import Level
from community_plan.sources import Text
from community_plan.targets import Attribute, target_text
from community_plan.units import Lang, Quantity, Unit, in_language, with_unit
from community_plan.verdicts import Reason, Verdict, display

if TYPE_CHECKING:
    import pandas
    import polars

__all__ = ["RESULT_COLUMNS", "SHOWN", "Result", "Row", "row_cells", "wide_frame"]


@attrs.frozen(kw_only=True)
class Row:
    """One target in one region. Exact numbers are `Fraction`; None where there is nothing to say."""

    plan: str
    """Id of the plan."""
    target: str
    """Id of the target."""
    indicator: str
    """Id of the indicator."""
    name: Text
    """Name of the indicator."""
    number: int | None
    """Number in the plan's table of main indicators."""
    region: str
    """Code of the region, or its name where the data have no codes; `total` for the whole table."""
    region_name: Text
    """Name of the region, if known, else its code."""
    level: str
    """city, county, township, community, or total; `published` for values that were given."""
    period: str | None
    """Value of a `year` or `period` column that is grouped by, else the date `as_of`."""
    columns: Mapping[str, str | None] = attrs.field(hash=False)
    """Values of the other columns that are grouped by."""
    value: Fraction | None
    """Value over the communities that report everything. [unit]"""
    unit: Unit
    """Unit of value, target, baseline, gap and bounds."""
    comparator: Comparator
    """How the value is held against the target."""
    target_value: Fraction
    """Target; the lower end of a range. [unit]"""
    target_upper: Fraction | None
    """Upper end of a range. [unit]"""
    baseline: Fraction | None
    """The plan's starting point. [unit]"""
    verdict: Verdict
    """met, not_met or unknown."""
    reason: Reason | None
    """Why the verdict is unknown."""
    gap: Fraction | None
    """Value less target (less the nearer end of a range; 0 inside it). [unit]"""
    shortfall: Fraction | None
    """Least change of the numerator, in whole quanta, after which the value meets the target; None if there is no
    value, or if no such change meets the target: no half of 3 places is reached. [shortfall_unit]"""
    shortfall_unit: Unit | None
    """Unit of the shortfall."""
    lower: Fraction | None
    """Least that the value can be, whatever the missing cells hold. [unit]"""
    upper: Fraction | None
    """Most that it can be; None with a value: no limit. [unit]"""
    reporting_share: Fraction | None
    """Reporting communities over communities in scope. [1]"""
    numerator: Fraction | None
    """Sum above the line over the reporting communities, in the variables' unit."""
    denominator: Fraction | None
    """Sum below the line, in the variables' unit."""
    due: dt.date
    """Day by which the target is to be met."""
    attribute: Attribute | None
    """expected (预期性) or binding (约束性)."""
    clause: str
    """Where the plan says it."""
    discrepancies: tuple[str, ...]
    """Doubtful readings that the row rests on."""
    approximate: bool = False
    """Whether the plan prints a round figure (左右), so that a narrow verdict says little."""
    readings: tuple[str, ...] = ()
    """Readings that were chosen instead of the adopted ones and touch the target, such as `A02=as-printed`."""

    @property
    def limits(self) -> tuple[Fraction, ...]:
        """What a printed value must not seem to be on the other side of."""
        return (self.target_value,) if self.target_upper is None else (self.target_value, self.target_upper)

    def value_text(self, lang: Lang = "zh") -> str:
        """Return the value with its unit, with as many digits as it takes to stand on its side of the target."""
        return self._text(self.value, lang)

    def target_text(self, lang: Lang = "zh") -> str:
        """Return comparator and target, such as `> 30 m²/百户`."""
        upper = None if self.target_upper is None else Quantity(self.target_upper, self.unit)
        value = Quantity(self.target_value, self.unit)
        return target_text(self.comparator, value, upper, approximate=self.approximate, lang=lang)

    def gap_text(self, lang: Lang = "zh") -> str:
        """Return the gap with its sign and unit."""
        if self.gap is None:
            return "—"
        # A gap that is not zero never prints as zero.
        number = display(self.gap, Fraction(0))
        sign = "+" if self.gap > 0 else ""
        points = {"%": ("个百分点", "pp"), "‰": ("个千分点", "per-mille points")}.get(self.unit.label(lang))
        if points is not None:  # the difference of two shares is no share
            return f"{sign}{number} {in_language(lang, *points)}"
        return with_unit(f"{sign}{number}", self.unit, lang)

    def _text(self, value: Fraction | None, lang: Lang) -> str:
        return "—" if value is None else with_unit(display(value, *self.limits), self.unit, lang)

    def to_dict(self, lang: Lang = "zh") -> dict[str, Any]:
        """Return the row as plain values: numbers as exact `Fraction`, the region's name in a language."""
        plain = {**{name: getattr(self, name) for name in _BEFORE}, **self.columns}
        plain |= {name: getattr(self, name) for name in _AFTER}
        return plain | {
            "region_name": self.region_name.get(lang),
            "unit": str(self.unit),
            "comparator": self.comparator.value,
            "verdict": self.verdict.value,
            "reason": None if self.reason is None else self.reason.value,
            "shortfall_unit": None if self.shortfall_unit is None else str(self.shortfall_unit),
            "discrepancies": list(self.discrepancies),
            "readings": list(self.readings),
        }


_NUMBERS = (
    "value",
    "target_value",
    "target_upper",
    "baseline",
    "gap",
    "shortfall",
    "lower",
    "upper",
    "reporting_share",
    "numerator",
    "denominator",
)
_BEFORE = ("plan", "target", "indicator", "number", "region", "region_name", "level", "period")
_AFTER = (
    "value",
    "unit",
    "comparator",
    "target_value",
    "target_upper",
    "baseline",
    "verdict",
    "reason",
    "gap",
    "shortfall",
    "shortfall_unit",
    "lower",
    "upper",
    "reporting_share",
    "numerator",
    "denominator",
    "due",
    "attribute",
    "clause",
    "discrepancies",
    "approximate",
    "readings",
)


RESULT_COLUMNS = frozenset((*_BEFORE, *_AFTER)) - {"period"}
"""Columns that every result has, whatever it is grouped by."""


class Wide(Protocol):
    """What works out values and verdicts of many regions at once, in the engine that holds their sums."""

    def __call__(self, level: Level | None) -> Any:
        """Return the frame of a level, None for the whole table."""
        ...


@attrs.frozen(kw_only=True, eq=False)
class Result:
    """Rows of verdicts, with what was said of the data on the way."""

    _rows: tuple[Row, ...] | Callable[[], tuple[Row, ...]] = attrs.field(alias="rows", repr=False)
    """The rows, or what makes them when they are first asked for."""
    plan: str
    """Id of the plan."""
    notes: tuple[Note, ...] = ()
    """What the user should know about the data."""
    as_of: dt.date | None = None
    """Day that the data describe, if the user said."""
    plan_version: str = ""
    """Version of the plan's entry in the registry."""
    content_hash: str = ""
    """SHA-256 over the plan's documents; the same hash is the same plan."""
    readings: Mapping[str, str] = attrs.field(
        factory=dict,
        metadata={"description": "Discrepancy id to the reading that was chosen instead of the adopted one."},
    )
    levels: tuple[Level, ...] = ()
    """Levels of its regions, from large to small; none if the whole table is one region."""
    _wide: Wide | None = attrs.field(alias="wide", default=None, repr=False)

    @property
    def rows(self) -> tuple[Row, ...]:
        """Rows by column values, level and region; within a region in the plan's order.

        They are made when they are first asked for: a row takes some 20 µs, so ask `wide` for a nation's townships.
        """
        if callable(self._rows):
            object.__setattr__(self, "_rows", self._rows())
        assert isinstance(self._rows, tuple)
        return self._rows

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Result):
            return NotImplemented
        return self._facts() == other._facts()

    __hash__ = None  # type: ignore[assignment]  # it holds mappings

    def _facts(self) -> dict[str, Any]:
        return {
            name: getattr(self, name) for field in attrs.fields(Result) if (name := field.alias or field.name) != "wide"
        }

    def __reduce__(self) -> Any:
        return functools.partial(Result, **self._facts()), ()

    def wide(self, level: Level | None = None) -> Any:
        """Return one row for each region of a level, with the value and the verdict of every target.

        Columns: `region`, `period` and the other columns that are grouped by, and for each target
        `<target>__value` (a double, in the indicator's unit; null without a value) and `<target>__verdict` (met,
        not_met, unknown).
        The verdicts are decided in whole numbers before any rounding.

        Args:
            level: One of `levels`; without it the finest.

        Returns:
            A frame of the kind that was evaluated: polars, pandas or pyarrow. The communities of a frame come in the
            order of its rows, and lazily if it was lazy (a polars LazyFrame, a DuckDB relation, a Spark DataFrame).
            From files and typed objects, and for the larger regions of DuckDB and Spark, the kind is that of an
            installed library: polars, else pandas, else pyarrow. Regions come in the order of their codes.

        Raises:
            NotFoundError: If the level was not asked for.
            MissingDependencyError: If no frame library is installed.
        """
        wanted = level or (self.levels[-1] if self.levels else None)
        if wanted is not None and wanted not in self.levels:
            raise NotFoundError("level", wanted, self.levels)
        if self._wide is not None:
            return self._wide(wanted)
        return wide_frame(self.rows, wanted)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def row(self, target: str, region: str | None = None) -> Row:
        """Return the row of a target, in the region of that code or name.

        Raises:
            NotFoundError: If there is none, or if several regions have one and none is named.
        """
        found = [row for row in self.rows if row.target == target]
        if not found:
            raise NotFoundError("target", target, {row.target for row in self.rows})
        if region is not None:
            inside = [row for row in found if region in (row.region, row.region_name.zh, row.region_name.en)]
            if not inside:
                raise NotFoundError(
                    "region", region, {name for row in found for name in (row.region, row.region_name.zh)}
                )
            found = inside
        if len(found) > 1:
            raise NotFoundError(
                "single row", target, mend=f"{len(found)} rows match: name a region, or take them from .rows"
            )
        return found[0]

    def failing(self) -> Result:
        """Return the rows whose verdict is not met."""
        kept = tuple(row for row in self.rows if row.verdict is Verdict.NOT_MET)
        return Result(**{**self._facts(), "rows": kept})

    def to_dicts(self, lang: Lang = "zh") -> list[dict[str, Any]]:
        """Return a dict for each row: exact numbers as `Fraction`, dates as `date`, the rest as text and lists."""
        return [row.to_dict(lang) for row in self.rows]

    def to_json(self, lang: Lang = "zh", *, indent: int | None = None) -> str:
        """Return the rows as JSON; exact numbers are text that `Fraction` reads: a decimal, or `p/q`."""
        return json_text(self.to_dicts(lang), indent)

    def to_columns(self, lang: Lang = "zh") -> dict[str, list[Any]]:
        """Return the rows as columns: numbers as the nearest floats, ready for a frame.

        The verdicts are decided already, so rounding can no longer turn one. An upper bound without a limit is
        infinity.
        """
        dicts = self.to_dicts(lang)
        names = list(dicts[0]) if dicts else [*_BEFORE, *_AFTER]
        columns: dict[str, list[Any]] = {name: [row[name] for row in dicts] for name in names}
        for name in _NUMBERS:
            columns[name] = [None if cell is None else float(cell) for cell in columns[name]]
        unlimited = [row.value is not None and row.upper is None for row in self.rows]
        columns["upper"] = [
            float("inf") if open_ else cell for open_, cell in zip(unlimited, columns["upper"], strict=True)
        ]
        return columns

    def to_polars(self, lang: Lang = "zh") -> polars.DataFrame:
        """Return the rows as a polars DataFrame; see `to_columns`.

        Raises:
            MissingDependencyError: If polars is not installed.
        """
        pl = _need("polars")
        schema = dict.fromkeys(_NUMBERS, pl.Float64)
        schema |= dict.fromkeys((*_BEFORE, "reason", "attribute", "shortfall_unit"), pl.String)
        schema |= {"number": pl.Int64, "due": pl.Date, "discrepancies": pl.List(pl.String)}
        schema["readings"] = pl.List(pl.String)
        frame: polars.DataFrame = pl.DataFrame(self.to_columns(lang), schema_overrides=schema)
        return frame

    def to_pandas(self, lang: Lang = "zh") -> pandas.DataFrame:
        """Return the rows as a pandas DataFrame; see `to_columns`.

        Raises:
            MissingDependencyError: If pandas is not installed.
        """
        frame: pandas.DataFrame = _need("pandas").DataFrame(self.to_columns(lang))
        numbers = dict.fromkeys(_NUMBERS, "float64")
        return frame.astype({**numbers, "number": "Int64", "due": "datetime64[s]"})

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Export the rows through the Arrow PyCapsule interface (needs polars)."""
        return self.to_polars().__arrow_c_stream__(requested_schema)

    def _repr_html_(self) -> str:
        return self.to_html()

    def to_html(self, lang: Lang = "zh", *, most: int = 200) -> str:
        """Return the rows as an HTML table, every text escaped; beyond `most` rows it says how many are left out."""
        headers = [label(name, lang) for name in SHOWN]
        head = "".join(f"<th>{html.escape(text)}</th>" for text in headers)
        lines = [
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row_cells(row, lang)) + "</tr>"
            for row in self.rows[:most]
        ]
        rest = len(self.rows) - most
        if rest > 0:
            lines.append(f'<tr><td colspan="{len(headers)}">… + {rest}</td></tr>')
        return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def _wide_columns(rows: Iterable[Row], level: Level | None) -> dict[str, list[Any]]:
    """Return rows of one level as columns: one line a region, two columns a target."""
    wanted = level or "total"
    lines: dict[tuple[Any, ...], dict[str, Any]] = {}
    names: dict[str, None] = {}
    for row in rows:
        if row.level != wanted:
            continue
        key = (row.region, row.period, *row.columns.values())
        period = {} if row.period is None else {"period": row.period}
        line = lines.setdefault(key, {"region": row.region, **period, **row.columns})
        line[f"{row.target}__value"] = None if row.value is None else float(row.value)
        line[f"{row.target}__verdict"] = row.verdict.value
        names |= dict.fromkeys(line)
    return {name: [line.get(name) for line in lines.values()] for name in names}


def wide_frame(rows: Iterable[Row], level: Level | None, like: Any = None) -> Any:
    """Return rows of one level as a frame: of the kind of another, else of an installed library."""
    from community_plan import frames

    columns = _wide_columns(rows, level)
    doubles = [name for name in columns if name.endswith("__value")]
    verdicts = [name for name in columns if name.endswith("__verdict")]
    return frames.from_columns(columns, like, doubles=doubles, verdicts=verdicts)


SHOWN = ("region", "number", "indicator", "value", "target", "gap", "verdict")
"""What people are shown of a row."""


def row_cells(row: Row, lang: Lang) -> list[str]:
    """Return what people are shown of a row, in the order of `SHOWN`."""
    verdict = label(row.verdict.value, lang)
    if row.reason is not None:
        verdict = f"{verdict} ({label(row.reason.value, lang)})"
    region = "/".join([row.region_name.get(lang), *(value or "—" for value in row.columns.values())])
    return [
        f"{region} {row.period}" if row.period else region,
        "" if row.number is None else str(row.number),
        row.name.get(lang),
        row.value_text(lang),
        row.target_text(lang),
        row.gap_text(lang),
        verdict,
    ]


def _need(library: str) -> Any:
    try:
        return importlib.import_module(library)
    except ImportError as error:
        raise MissingDependencyError(library, extra=library, purpose=f"a {library} frame") from error
