"""Plan: the registry of one planning document — its facts, indicators, targets and doubtful readings."""

from __future__ import annotations

import datetime as dt
import functools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import attrs

from community_plan.commitments import Commitment, KnownGap
from community_plan.entry import parse_day
from community_plan.errors import DataError, NotFoundError, PlanError
from community_plan.measures import Measure, check_measure, formula, scope_text
from community_plan.regions import CountyKind, Region
from community_plan.sources import ADOPTED, Discrepancy, Text
from community_plan.targets import Indicator, Target
from community_plan.units import Lang, Quantity
from community_plan.variables import Variables

if TYPE_CHECKING:
    from community_plan.ledger import Ledger
    from community_plan.prepared import Prepared
    from community_plan.results import Result
    from community_plan.tallies import Tally

__all__ = ["Completeness", "Document", "Plan", "Registry"]


class _Named(Protocol):
    @property
    def id(self) -> str: ...


R = TypeVar("R")
T = TypeVar("T", bound=_Named)


class Registry(Mapping[str, T], Generic[T]):
    """Entries by id, in the order of the document; an unknown id is an error that names the nearest."""

    def __init__(self, kind: str, entries: Iterable[T]) -> None:
        self._kind = kind
        self._entries = {entry.id: entry for entry in entries}

    def __getitem__(self, key: str) -> T:
        try:
            return self._entries[key]
        except (KeyError, TypeError):
            raise NotFoundError(self._kind, str(key), self._entries) from None

    def __contains__(self, key: object) -> bool:
        return key in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Registry) and self._entries == other._entries

    __hash__ = None  # type: ignore[assignment]  # as for every mapping

    def __repr__(self) -> str:
        return f"<{self._kind} registry of {len(self)}>"


@attrs.frozen(kw_only=True)
class Document:
    """The facts of a planning document."""

    id: str
    """Stable id of the plan, such as `shangqiu-14fyp`."""
    title: Text
    """Title."""
    number: str | None = None
    """Document number (文号)."""
    issuer: Text | None = None
    """Who issued it, if known."""
    issued: dt.date | None = None
    """Date of the text (成文日期), if known."""
    published: dt.date | None = None
    """Date of publication."""
    effective: dt.date | None = None
    """Day from which it is in force (生效日期), if stated."""
    repealed: dt.date | None = None
    """Day from which it is no longer in force (废止日期), if any."""
    version: str = "1"
    """Version of the registry's entry; it changes when a reading or a figure does."""
    start: dt.date
    """First day of the plan's period."""
    end: dt.date
    """Last day of the plan's period."""
    scope_note: Text | None = None
    """What of the document the registry holds."""
    regions: tuple[Region, ...] = ()
    """The regions that it addresses."""
    known_gaps: tuple[KnownGap, ...] = ()
    """What of the document the registry does not hold."""


@attrs.frozen(kw_only=True)
class Completeness:
    """What a registry holds of its document, in one table, and what it knows that it does not hold."""

    main_indicators: int
    """Rows of the table of main indicators, all measured."""
    measured: int
    """Commitments of the body that targets measure."""
    evidenced: int
    """Commitments of the body that evidence proves."""
    recorded: int
    """Directions of the body that cannot be checked."""
    targets: int
    """Targets that can be judged, of the table and of the body."""
    discrepancies: int
    """Doubtful passages."""
    known_gaps: tuple[KnownGap, ...]
    """What is known to be missing; how much it holds is unknown."""

    @property
    def total(self) -> int:
        """Entries: rows of the table and commitments of the body."""
        return self.main_indicators + self.measured + self.evidenced + self.recorded


@attrs.frozen(kw_only=True)
class Plan:
    """A plan's registry. Load one with `load_plan`; find entries by id."""

    document: Document
    """Facts of the document."""
    variables: Variables = attrs.field(repr=False)
    """The columns that its measures are made of."""
    indicators: Registry[Indicator]
    """Indicators by id."""
    targets: Registry[Target]
    """Targets by id."""
    discrepancies: Registry[Discrepancy]
    """Doubtful readings by id."""
    commitments: Registry[Commitment] = attrs.field(factory=lambda: Registry("commitment", ()))
    """Every checkable sentence of the body, by id."""
    content_hash: str = ""
    """SHA-256 over the plan's documents and the shared ones that it is read with."""
    source_text: str | None = attrs.field(default=None, repr=False)
    """The source text that quotes are found in, if the plan carries it."""
    readings: Mapping[str, str] = attrs.field(
        factory=dict,
        metadata={"description": "Discrepancy id to the reading that was chosen instead of the adopted one."},
    )

    _adopted: Registry[Target] | None = attrs.field(alias="adopted", default=None, eq=False, repr=False)
    """The targets in the adopted readings, if others were chosen."""
    _memo: dict[Any, Any] = attrs.field(factory=dict, init=False, eq=False, repr=False)
    """What has been worked out from the entries alone, such as compiled programs."""

    def __hash__(self) -> int:
        return hash((self.document.id, self.content_hash, *sorted(self.readings.items())))

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled: what has been worked out is worked out anew where it is needed."""
        return {field.name: getattr(self, field.name) for field in attrs.fields(Plan) if field.name != "_memo"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in {**state, "_memo": {}}.items():
            object.__setattr__(self, name, value)

    def once(self, key: Any, make: Callable[[], R]) -> R:
        """Return what follows from the plan's entries alone, worked out at most once."""
        if key not in self._memo:
            self._memo[key] = make()
        found: R = self._memo[key]
        return found

    @property
    def id(self) -> str:
        """Stable id of the plan."""
        return self.document.id

    @property
    def title(self) -> Text:
        """Title of the document."""
        return self.document.title

    @functools.cached_property
    def regions(self) -> Mapping[str, Region]:
        """Regions that the plan addresses, by code."""
        return {region.code: region for region in self.document.regions}

    @property
    def known_gaps(self) -> tuple[KnownGap, ...]:
        """What of the document the registry does not hold, and knows that it does not."""
        return self.document.known_gaps

    def completeness(self) -> Completeness:
        """Return how many entries are measured, evidenced and recorded, and what is not known.

        >>> import community_plan as cp
        >>> cp.load_plan("shangqiu-14fyp").completeness().total
        162
        """
        main = len(self.choose("main"))
        checks = Counter(commitment.check for commitment in self.commitments.values())
        return Completeness(
            main_indicators=main,
            measured=checks["measured"],
            evidenced=checks["evidenced"],
            recorded=checks["recorded"],
            targets=len(self.targets),
            discrepancies=len(self.discrepancies),
            known_gaps=self.known_gaps,
        )

    @property
    def declared_kinds(self) -> dict[str, CountyKind]:
        """County kinds that the plan declares for codes that do not say it."""
        return {r.code: r.declared_kind for r in self.document.regions if r.declared_kind is not None}

    def measure_of(self, target: Target) -> Measure:
        """Return what a target counts: its indicator's measure, narrowed to its scope."""
        return target.measure_of(self.indicators[target.indicator])

    def name_of(self, target: Target) -> Text:
        """Return what a target is called: its indicator, with the values that its scope is narrowed to, if it is."""
        name = self.indicators[target.indicator].name
        if not target.scope:
            return name
        zh, en = (scope_text(target.scope, self.variables, lang) for lang in ("zh", "en"))
        return Text(f"{name.zh} ({zh})", f"{name.en} ({en})")

    def formula(self, of: str | Target, lang: Lang = "zh") -> str:
        """Return the formula of an indicator or a target, made from its measure.

        Args:
            of: The id of an indicator, or a target of the plan: its scope belongs to the formula.
            lang: Language of the names of variables.

        Raises:
            NotFoundError: If there is no such indicator.
        """
        measure = self.measure_of(of) if isinstance(of, Target) else self.indicators[of].measure
        return formula(measure, self.variables, lang)

    def choose(self, targets: Iterable[str] | str | None = None) -> tuple[Target, ...]:
        """Return targets by id, each once, in the plan's order.

        Args:
            targets: Target ids; `main`, alone or among them, stands for the table of main indicators. None chooses all.

        Raises:
            NotFoundError: If there is no such target; the error names the nearest.
        """
        if targets is None:
            return tuple(self.targets.values())
        wanted = [targets] if isinstance(targets, str) else list(targets)
        if not wanted:
            raise NotFoundError("target in", "targets=[]", mend="name at least one, or leave targets= out for all")
        numbered = {target.id for target in self.targets.values() if target.number is not None}
        main = numbered or {*self.targets}  # an excerpt has no numbers: all of it is its table
        chosen: set[str] = set()
        for name in wanted:
            chosen |= main if name == "main" else {self.targets[name].id}
        return tuple(target for target in self.targets.values() if target.id in chosen)

    def with_readings(self, readings: Mapping[str, str]) -> Plan:
        """Return the plan with other readings of doubtful passages.

        Args:
            readings: Discrepancy id to reading id; `adopted` is the reading of the registry.

        Raises:
            NotFoundError: If there is no such discrepancy or reading.
            PlanError: If two readings set the same field of one target.
        """
        from community_plan.documents import structure, unstructure

        if not isinstance(readings, Mapping):
            raise DataError(f"expected readings by discrepancy, such as {{'A02': 'as-printed'}}, got {readings!r:.60}")
        adopted = self.targets if self._adopted is None else self._adopted
        changes: dict[str, dict[str, Any]] = {}
        chosen = {}
        for key, name in {**self.readings, **readings}.items():
            discrepancy = self.discrepancies[key]
            if name == ADOPTED:
                continue
            known = {reading.id: reading for reading in discrepancy.readings}
            if not isinstance(name, str) or name not in known:
                choices = [ADOPTED, *known]
                raise NotFoundError(f"reading of {key}", str(name), choices, mend=f"choose {' or '.join(choices)}")
            chosen[key] = name
            for target, fields in known[name].targets.items():
                before = changes.setdefault(target, {})
                twice = sorted(before.keys() & fields.keys())
                if twice:
                    raise PlanError(
                        f"two readings set {', '.join(twice)} of target {target!r}", mend="choose one of them"
                    )
                before |= fields
        if chosen == self.readings:
            return self
        entries = [
            structure({**unstructure(target), **changes[target.id]}, Target) if target.id in changes else target
            for target in adopted.values()
        ]
        return attrs.evolve(self, targets=Registry("target", entries), readings=chosen, adopted=adopted)

    def check_dimensions(self) -> None:
        """Check that every target's value and every measure come out in the indicator's dimension.

        Raises:
            DimensionError: If one does not.
            MeasureError: If a measure adds up what does not add up.
            NotFoundError: If a measure names a variable that does not exist.
        """
        for target in self.targets.values():
            indicator = self.indicators[target.indicator]
            check_measure(self.measure_of(target), indicator.unit, self.variables)
            baseline = None if target.baseline is None else target.baseline.value
            for value in (target.value, target.upper, baseline):
                if value is not None:
                    value.unit.factor(indicator.unit)

    def evaluate(
        self,
        data: Any,
        *,
        by: str | Iterable[str] | None = None,
        targets: Iterable[str] | str | None = None,
        units: Mapping[str, str] | None = None,
        reading: Mapping[str, str] | None = None,
        as_of: dt.date | str | None = None,
    ) -> Result:
        """Judge targets on data.

        Args:
            data: A frame (of polars, lazy ones too; pandas; pyarrow; DuckDB, a relation; Spark), the path or pattern of
                CSV or parquet files, a folder with `communities` and, if there are any, `facilities`, `workforce` and
                `townships`, an iterable of `Community`, a `Dataset`, a `Tally`, or `Prepared` data.
            by: A level (`city`, `county`, `township`, `community`), a column, or a list of them; each level gets
                rows of its own, columns are crossed with them. Without it the whole table is one region. A tally
                has the rows that it was made with, or is rolled up to the levels named; `[]` is the total.
            targets: Target ids; `main`, alone or among them, stands for the plan's table of main indicators. Without
                it every target, or those that the data were counted or prepared for.
            units: Units of columns that are not in the variable's own unit, such as `{"gross_floor_area": "亩"}`.
            reading: Other readings of doubtful passages, such as `{"A02": "as-printed"}`.
            as_of: Day that the data describe.

        Returns:
            A row for each region and target.

        Raises:
            DataError: For anything wrong with the data; several faults come together as `DataFaults`.
            NotFoundError: For an unknown target, discrepancy or reading.
            DimensionError: If a unit does not fit its column.
        """
        from community_plan import evaluation

        plan = self.with_readings(reading or {})
        return evaluation.evaluate(plan, data, by=by, targets=targets, units=units, as_of=as_of)

    def tally(
        self,
        data: Any,
        *,
        by: str | Iterable[str] | None = None,
        targets: Iterable[str] | str | None = None,
        units: Mapping[str, str] | None = None,
        reading: Mapping[str, str] | None = None,
        complete: bool = True,
    ) -> Tally:
        """Add up what targets need, without judging; tallies of different communities add up with `+`.

        Args:
            data: As for `evaluate`, but no tally.
            by: Levels and columns whose sums are kept; `evaluate` can roll them up and not split them.
            targets: Target ids, `main` among them or alone; without it every target.
            units: Units of columns that are not in the variable's own unit.
            reading: Other readings of doubtful passages.
            complete: Whether the data hold all of every region; two tallies of one region merge only if both are
                parts of it.

        Raises:
            DataError: For anything wrong with the data; several faults come together as `DataFaults`.
            NotFoundError: For an unknown target, discrepancy or reading.
            DimensionError: If a unit does not fit its column.
        """
        from community_plan import counting

        plan = self.with_readings(reading or {})
        return counting.tally(plan, data, by=by, targets=targets, units=units, complete=complete)

    def prepare(
        self,
        data: Any,
        *,
        by: str | Iterable[str] | None = None,
        targets: Iterable[str] | str | None = None,
        units: Mapping[str, str] | None = None,
    ) -> Prepared:
        """Read and check data once, to evaluate them many times: by other levels, for other targets, in other readings.

        Every cell is read and checked as `evaluate` does it, and what comes of it is kept: in memory, for a DuckDB
        relation in a temporary table of its connection, for a Spark DataFrame persisted by Spark. An evaluation of it
        gives the same rows and costs a fraction.

        Args:
            data: As for `evaluate`, but no tally.
            by: Levels and columns that it may be evaluated by; without it every level that the data tell. Columns that
                tell the rows of one community apart, such as a year, belong here and in every evaluation.
            targets: Target ids, `main` among them or alone; without it every target.
            units: Units of columns that are not in the variable's own unit.

        Raises:
            DataError: For anything wrong with the data; several faults come together as `DataFaults`.
            NotFoundError: For an unknown target.
            DimensionError: If a unit does not fit its column.
        """
        from community_plan import counting

        return counting.prepare(self, data, by=by, targets=targets, units=units)

    def judge(
        self,
        values: Mapping[str, Any],
        *,
        targets: Iterable[str] | str | None = None,
        reading: Mapping[str, str] | None = None,
        as_of: dt.date | str | None = None,
    ) -> Result:
        """Judge values that somebody published, without data.

        >>> import community_plan as cp
        >>> plan = cp.load_plan("shangqiu-14fyp")
        >>> plan.judge({"rural-facility-coverage": "92.1 %"}).row("rural-facility-coverage").verdict
        <Verdict.NOT_MET: 'not_met'>

        Args:
            values: Target id (or the id of its indicator) to a quantity, text with a unit, or a number in the
                indicator's unit; None for a value that is not known.
            targets: Target ids, `main` among them or alone; without it the plan's table of main indicators and
                whatever has a value.
            reading: Other readings of doubtful passages.
            as_of: Day that the values describe.

        Raises:
            NotFoundError: If there is no such target or indicator.
            DataError: If a value is given for a target that `targets` does not name.
            QuantityTextError: If a value cannot be read.
            DimensionError: If a value's unit does not fit the indicator.
        """
        from community_plan import evaluation

        return evaluation.judge(self.with_readings(reading or {}), values, targets=targets, as_of=as_of)

    def ledger(
        self, evidence: Any, *, period: str | int, data: Any = None, as_of: dt.date | str | None = None
    ) -> Ledger:
        """List every evidenced commitment × region that owes it, with its state (年度任务清单和工作台账, 五(一)).

        Args:
            evidence: `Evidence` objects, a frame, a CSV or parquet file, or a folder that has `evidence`.
            period: Year that is looked at, such as 2025.
            data: Tables that list the townships and communities that owe something; see `evaluate`.
            as_of: Day from which a due date has passed; without it the last day of `period`.

        Raises:
            DataError: If evidence cannot be read, names a commitment that takes none, a region that does not owe it, or
                no year for what is owed each year, or stands twice; several faults come together as `DataFaults`.
            NotFoundError: If it names a commitment that the plan does not have.
        """
        from community_plan import ledger

        year = str(period)
        if not ledger.is_year(year):
            raise DataError(f"expected a year such as 2025 in period=, got {period!r}")
        day = parse_day(as_of) or dt.date(int(year), 12, 31)
        rows = ledger.read_evidence(self, evidence)
        return ledger.draw_up(self, rows, period=year, regions=ledger.regions_of(self, data), as_of=day)

    def baselines(self) -> dict[str, Quantity | None]:
        """Return the starting points of the plan's main indicators by target id; None where it gives none."""
        return {t.id: None if t.baseline is None else t.baseline.value for t in self.choose("main")}
