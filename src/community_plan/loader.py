"""Loader: from a folder of TOML to a plan, with every fault of the folder in one report."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from community_plan.documents import structure
from community_plan.errors import CommunityPlanError, NotFoundError, Place, PlanError, PlanFaults, raise_faults
from community_plan.measures import check_measure
from community_plan.plan import Document, Plan, Registry
from community_plan.sources import Discrepancy
from community_plan.targets import Indicator, Target
from community_plan.toml_files import PathKey, TomlFile, read_toml
from community_plan.variables import Variable, Variables

__all__ = ["bundled_plans", "load_plan"]

T = TypeVar("T")


def _root() -> Path:
    # The package is installed as files: hatchling makes no zipped wheels that run in place.
    return Path(str(resources.files("community_plan"))) / "plans"


def bundled_plans() -> list[str]:
    """Return the ids of the plans that come with the library."""
    return sorted(path.parent.name for path in _root().glob("*/plan.toml"))


def load_plan(plan: str | Path) -> Plan:
    """Load a plan by id, or from a folder of TOML files.

    A bundled plan is known to be sound, so its dimensions are not checked again; a folder is checked whole.

    Args:
        plan: Id such as `shangqiu-14fyp`, or the path of a folder that has a `plan.toml`.

    Raises:
        NotFoundError: If there is no such plan; the error names the nearest.
        PlanError: For a fault in the folder; several come together as `PlanFaults`.
    """
    known = bundled_plans()
    if isinstance(plan, str) and plan in known:
        return _load_bundled(plan)
    folder = Path(plan)
    if (folder / "plan.toml").is_file():
        return _load_folder(folder, bundled=False)
    raise NotFoundError("plan", str(plan), known, mend="give a bundled plan's id or a folder that has a plan.toml")


@functools.cache
def _load_bundled(name: str) -> Plan:
    return _load_folder(_root() / name, bundled=True)


class _Reader:
    """Reads the files of a folder and collects what is wrong with them."""

    def __init__(self) -> None:
        self.faults: list[CommunityPlanError] = []

    def file(self, path: Path, *, required: bool = False) -> TomlFile | None:
        if not path.is_file():
            if required:
                self.faults.append(PlanError("no such file", place=Place(file=str(path))))
            return None
        try:
            return read_toml(path)
        except PlanError as error:
            self.faults.append(error)
            return None

    def value(self, data: Any, kind: type[T], file: TomlFile, path: PathKey) -> T | None:
        try:
            return structure(data, kind, document=file, path=path)
        except PlanError as error:
            self.faults.extend(error.faults)
            return None

    def entries(self, file: TomlFile | None, key: str, kind: type[T]) -> list[tuple[T, TomlFile, PathKey]]:
        """Read an array of tables; other keys at the top of the file are faults."""
        if file is None:
            return []
        for other in file.data:
            if other != key:
                self.faults.append(PlanError(f"unknown key {other!r}; known is {key!r}", place=file.place((other,))))
        found: list[tuple[T, TomlFile, PathKey]] = []
        items = file.data.get(key, [])
        if not isinstance(items, list):
            self.faults.append(PlanError(f"expected [[{key}]] tables", place=file.place((key,))))
            items = []
        for index, item in enumerate(items):
            value = self.value(item, kind, file, (key, index))
            if value is not None:
                found.append((value, file, (key, index)))
        return found

    def unique(self, entries: Sequence[tuple[Any, TomlFile, PathKey]], name: str = "id") -> None:
        seen: dict[str, Place] = {}
        for value, file, path in entries:
            key = f"{value.table}.{value.id}" if isinstance(value, Variable) else value.id
            place = file.place((*path, name))
            if key in seen:
                self.faults.append(PlanError(f"id {key!r} is taken: {seen[key]}", place=place))
            seen.setdefault(key, place)


def _load_folder(folder: Path, *, bundled: bool) -> Plan:
    read = _Reader()
    shared = _root()
    files = {name: read.file(folder / f"{name}.toml") for name in ("variables", "indicators", "discrepancies")}
    plan_file = read.file(folder / "plan.toml", required=True)
    document = read.value(plan_file.data, Document, plan_file, ()) if plan_file is not None else None
    variables = [
        *read.entries(read.file(shared / "variables.toml", required=True), "variables", Variable),
        *read.entries(files["variables"], "variables", Variable),
    ]
    indicators = [
        *read.entries(read.file(shared / "indicators.toml", required=True), "indicators", Indicator),
        *read.entries(files["indicators"], "indicators", Indicator),
    ]
    targets = read.entries(read.file(folder / "targets.toml", required=True), "targets", Target)
    discrepancies = read.entries(files["discrepancies"], "discrepancies", Discrepancy)
    for entries in (variables, indicators, targets, discrepancies):
        read.unique(entries)
    source = folder / "source.txt"
    text = source.read_bytes().decode("utf-8") if source.is_file() else None
    _check_references(read, targets, discrepancies, {i.id: i for i, _, _ in indicators}, text)
    used = {target.indicator for target, _, _ in targets}
    own = {value.id for value, file, _ in indicators if file.path.parent == folder}
    known = Variables(tuple(value for value, _, _ in variables))
    if not bundled:
        _check_measures(read, indicators, targets, known)
    raise_faults(read.faults, subject=f"Plan {folder.name}", group=PlanFaults)
    assert document is not None  # a missing document is a fault
    return Plan(
        document=document,
        variables=known,
        indicators=Registry("indicator", [i for i, _, _ in indicators if i.id in used | own]),
        targets=Registry("target", [t for t, _, _ in targets]),
        discrepancies=Registry("discrepancy", [d for d, _, _ in discrepancies]),
        source_text=text,
    )


def _check_references(
    read: _Reader,
    targets: Sequence[tuple[Target, TomlFile, PathKey]],
    discrepancies: Sequence[tuple[Discrepancy, TomlFile, PathKey]],
    indicators: Mapping[str, Indicator],
    text: str | None,
) -> None:
    """Check that what is named exists, and that what is quoted stands in the source."""
    known = {discrepancy.id for discrepancy, _, _ in discrepancies}
    ids = {target.id for target, _, _ in targets}

    def missing(kind: str, name: str, among: Any, file: TomlFile, path: PathKey) -> None:
        read.faults.append(PlanError(str(NotFoundError(kind, name, among)), place=file.place(path)))

    for target, file, path in targets:
        if target.indicator not in indicators:
            missing("indicator", target.indicator, indicators, file, (*path, "indicator"))
        for index, name in enumerate(target.discrepancies):
            if name not in known:
                missing("discrepancy", name, known, file, (*path, "discrepancies", index))
        quote = target.citation.quote
        if text is not None and quote not in text:
            read.faults.append(
                PlanError(
                    f"the quote {quote[:40]!r} is not in source.txt", place=file.place((*path, "citation", "quote"))
                )
            )
        for name in ("name", "target", "baseline", "attribute"):
            words = getattr(target.printed, name)
            if words not in quote:
                read.faults.append(
                    PlanError(f"{words!r} does not stand in the quote", place=file.place((*path, "printed", name)))
                )
        if (target.upper is None) == (target.comparator.value == "range"):
            problem = "expected an upper value for a range, and for nothing else"
            read.faults.append(PlanError(problem, place=file.place((*path, "comparator"))))
    for discrepancy, file, path in discrepancies:
        for index, reading in enumerate(discrepancy.readings):
            for name in reading.targets:
                if name not in ids:
                    missing("target", name, ids, file, (*path, "readings", index, "targets", name))


def _check_measures(
    read: _Reader,
    indicators: Sequence[tuple[Indicator, TomlFile, PathKey]],
    targets: Sequence[tuple[Target, TomlFile, PathKey]],
    variables: Variables,
) -> None:
    """Check dimensions: of every measure against its indicator, of every target against both."""
    by_id = {indicator.id: indicator for indicator, _, _ in indicators}
    for indicator, file, path in indicators:
        try:
            check_measure(indicator.measure, indicator.unit, variables)
        except CommunityPlanError as error:
            read.faults.append(PlanError(str(error), place=file.place((*path, "measure"))))
    for target, file, path in targets:
        if target.indicator not in by_id:
            continue
        indicator = by_id[target.indicator]
        values = {"value": target.value, "upper": target.upper}
        for name, value in values.items():
            if value is not None and not value.unit.same_dimension(indicator.unit):
                problem = f"expected a unit such as {indicator.unit}, got {value.unit or 'none'}"
                read.faults.append(PlanError(problem, place=file.place((*path, name))))
        for test in target.scope:
            if test.variable not in variables or variables[test.variable].type != "category":
                read.faults.append(
                    PlanError(f"{test.variable!r} is no category variable", place=file.place((*path, "scope")))
                )
