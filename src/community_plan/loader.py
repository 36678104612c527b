"""Loader: from a folder of TOML to a plan, with every fault of the folder in one report.

A plan folder holds `plan.toml` and `targets.toml`; `discrepancies.toml`, `commitments.toml`, `indicators.toml`,
`variables.toml` and the text of the document, `source.txt`, may stand beside them.

Other packages bring plans by an entry point of the group `community_plan.plans`. Its name is the plan's id, its
value names the package whose directory is the plan folder:

    [project.entry-points."community_plan.plans"]
    my-town-15fyp = "my_package.my_town_15fyp"

The package is found and never imported; it needs no Python code.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.machinery
import importlib.metadata
import importlib.util
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from importlib import resources
from pathlib import Path
from typing import Any, Generic, TypeVar, get_args

import attrs

from community_plan.commitments import Commitment
from community_plan.documents import structure, unstructure
from community_plan.errors import (
    CommunityPlanError,
    NotFoundError,
    Place,
    PlanError,
    PlanFaults,
    nearest,
    raise_faults,
)
from community_plan.measures import Comparator, check_measure, variables_of
from community_plan.plan import Document, Plan, Registry
from community_plan.regions import LEVELS
from community_plan.sources import ADOPTED, Discrepancy
from community_plan.targets import Indicator, Target
from community_plan.toml_files import PathKey, TomlFile, read_toml
from community_plan.units import Quantity, Unit
from community_plan.variables import Variable, Variables

__all__ = ["ENTRY_POINTS", "AvailablePlan", "available_plans", "bundled_plans", "check_plan", "load_plan"]

ENTRY_POINTS = "community_plan.plans"
"""The entry point group by which other packages bring plans."""

T = TypeVar("T")
_FILES = ("plan", "targets", "indicators", "variables", "discrepancies", "commitments")
_MAX_DIGITS = 40


@attrs.frozen(kw_only=True)
class AvailablePlan:
    """A plan that can be loaded by id, or the reason why it cannot be found."""

    id: str
    """Id by which `load_plan` finds it."""
    origin: str
    """`community-plan` for a bundled plan, else the distribution that brings it, with its version."""
    folder: Path | None = None
    """Its folder; None if it was not found."""
    fault: PlanError | None = None
    """Why it cannot be found; None for a plan whose folder is there."""


def _root() -> Path:
    # The package is installed as files: hatchling makes no zipped wheels that run in place.
    return Path(str(resources.files("community_plan"))) / "plans"


def bundled_plans() -> list[str]:
    """Return the ids of the plans that come with the library."""
    return sorted(path.parent.name for path in _root().glob("*/plan.toml"))


def available_plans() -> list[AvailablePlan]:
    """List bundled and third-party plans by id, without loading a plan or importing a package.

    A third-party plan that cannot be found is listed with its fault, and hides no other.
    """
    bundled = [AvailablePlan(id=name, origin="community-plan", folder=_root() / name) for name in bundled_plans()]
    found = {plan.id: plan for plan in bundled}
    refused = []
    for plan in _third_party_plans():
        if plan.id in found:
            fault = PlanError(f"plan {plan.id!r} of {plan.origin} is taken by {found[plan.id].origin}")
            refused.append(attrs.evolve(plan, folder=None, fault=fault))
        else:
            found[plan.id] = plan
    return sorted([*found.values(), *refused], key=lambda plan: (plan.id, plan.fault is not None, plan.origin))


def _third_party_plans() -> Iterator[AvailablePlan]:
    """Yield the plans of the entry points; distribution by distribution, so that a broken one hides no other."""
    seen = set()
    for distribution in importlib.metadata.distributions():
        try:
            name = str(distribution.name)
            points = [] if name in seen else list(distribution.entry_points.select(group=ENTRY_POINTS))
            origin = f"{name} {distribution.version}" if points else name
        except Exception as error:  # somebody else's metadata may be broken in any way
            path = str(getattr(distribution, "_path", "a distribution"))
            fault = PlanError(f"the metadata of {path} cannot be read: {error}")
            yield AvailablePlan(id=Path(path).stem, origin=path, fault=fault)
            continue
        seen.add(name)  # the first on the path is the one that is imported
        for point in points:
            try:
                yield AvailablePlan(id=point.name, origin=origin, folder=_folder_of(point.value))
            except PlanError as error:
                yield AvailablePlan(id=point.name, origin=origin, fault=error)


def _folder_of(value: str) -> Path:
    """Return the plan folder that an entry point's value names, found without importing anything.

    Raises:
        PlanError: If there is no such package, or it has no plan.toml.
    """
    top, *rest = value.partition(":")[0].strip().split(".")
    name = top
    try:
        spec = importlib.util.find_spec(top)  # a name without dots is looked up and not imported
        for part in rest:
            places = None if spec is None else spec.submodule_search_locations
            name = f"{name}.{part}"
            spec = None if places is None else importlib.machinery.PathFinder.find_spec(name, list(places))
    except (ImportError, ValueError) as error:
        raise PlanError(f"package {value!r} cannot be found: {error}") from error
    if spec is None:
        raise PlanError(f"no package {value!r}", mend="an entry point names the package whose directory has plan.toml")
    folders = list(spec.submodule_search_locations or ())
    if not folders and spec.origin is not None:
        folders = [str(Path(spec.origin).parent)]
    for folder in map(Path, folders):
        if _is_file(folder / "plan.toml"):
            return folder
    raise PlanError(f"package {value!r} has no plan.toml in {', '.join(folders) or 'any directory'}")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long, or a folder that may not be entered
        return False


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


def load_plan(plan: str | Path) -> Plan:
    """Load a plan by id, or from a folder of TOML files.

    A bundled plan is known to be sound, so its dimensions are not checked again; a folder is checked whole.

    Args:
        plan: Id such as `shangqiu-14fyp`, of a bundled plan or of one that an installed package brings, or the
            path of a folder that has a `plan.toml`.

    Raises:
        NotFoundError: If there is no such plan; the error names the nearest.
        PlanError: For a fault in the folder; several come together as `PlanFaults`.
    """
    known = bundled_plans()
    if isinstance(plan, str) and plan in known:
        return _load_bundled(plan)
    if isinstance(plan, str) and Path(plan).name == plan:
        for found in available_plans():
            if found.id == plan and found.fault is not None:
                raise found.fault
            if found.id == plan and found.folder is not None:
                return _load_third_party(found.id, found.folder)
            known.append(found.id)
    folder = Path(plan)
    if _is_folder(folder):
        return _load_folder(folder, bundled=False)
    raise NotFoundError("plan", str(plan), known, mend="give the id of a plan, or a folder that has a plan.toml")


def check_plan(plan: str | Path) -> tuple[CommunityPlanError, ...]:
    """Return every fault of a plan folder, or of a plan by id; none if it loads.

    Raises:
        NotFoundError: If there is no such plan.
    """
    try:
        # A bundled plan is checked whole too: its folder is read as anybody's.
        load_plan(_root() / plan if isinstance(plan, str) and plan in bundled_plans() else plan)
    except PlanError as error:
        return error.faults
    return ()


@functools.cache
def _load_bundled(name: str) -> Plan:
    return _load_folder(_root() / name, bundled=True)


def _load_third_party(name: str, folder: Path) -> Plan:
    plan = _load_folder(folder, bundled=False)
    if plan.id != name:
        problem = f"expected the id of its entry point, {name!r}, got {plan.id!r}"
        raise PlanError(problem, place=Place(file=str(folder / "plan.toml"), key="id"))
    return plan


@attrs.frozen
class _Entry(Generic[T]):
    """An entry of a file: as it is written, and as a value if it has no fault."""

    kind: type[T]
    raw: Any
    file: TomlFile
    path: PathKey
    value: T | None

    @property
    def id(self) -> str | None:
        found = self.raw.get("id") if isinstance(self.raw, Mapping) else None
        return found if isinstance(found, str) else None

    def part(self, *keys: str) -> Any:
        """Return an attribute, even of an entry that has a fault elsewhere; None where there is none."""
        if self.value is not None:
            return _walk(self.value, keys)
        raw: Any = self.raw
        kind: Any = self.kind
        for key in keys:
            if not isinstance(raw, Mapping) or key not in raw:
                return None
            raw, kind = raw[key], getattr(attrs.fields(attrs.resolve_types(kind)), key).type
            if type(None) in get_args(kind):
                kind = next(member for member in get_args(kind) if member is not type(None))
        try:
            return structure(raw, kind)
        except PlanError:  # reported where the entry was read
            return None

    def place(self, *keys: str | int) -> Place:
        return self.file.place((*self.path, *keys))


def _walk(value: Any, keys: Sequence[str]) -> Any:
    for key in keys:
        value = None if value is None else getattr(value, key)
    return value


class _Reader:
    """Reads the files of a folder and collects what is wrong with them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.faults: list[CommunityPlanError] = []
        self.lost: dict[str, set[str]] = {}
        """Names of files that are there and cannot be read, with what looks like an id in them."""

    def wrong(self, problem: str, place: Place) -> None:
        self.faults.append(PlanError(problem, place=place))

    def file(self, path: Path, *, required: bool = False) -> TomlFile | None:
        place = Place(file=str(path))
        if not _is_file(path):
            there = _is_folder(path)
            if there or required:
                self.wrong("expected a file, got a folder" if there else "no such file", place)
            return None
        try:
            file = read_toml(path)
        except PlanError as error:
            self.faults.append(error)
        except RecursionError:
            self.wrong("no usable TOML: values nested too deeply", attrs.evolve(place, line=1))
        else:
            return attrs.evolve(file, data=self._tame(file.data, file, ()))
        self.lost[path.stem] = _ids_in(path)
        return None

    def _tame(self, value: Any, file: TomlFile, path: PathKey) -> Any:
        """Return data without numbers that take forever to handle, such as 1e999999999; each is a fault."""
        if isinstance(value, dict):
            return {key: self._tame(part, file, (*path, key)) for key, part in value.items()}
        if isinstance(value, list):
            return [self._tame(part, file, (*path, index)) for index, part in enumerate(value)]
        if isinstance(value, Decimal) and value.is_finite():
            _, digits, exponent = value.as_tuple()
            huge = len(digits) > _MAX_DIGITS or abs(int(exponent)) > _MAX_DIGITS
        else:
            huge = isinstance(value, int) and abs(value) >= 10**_MAX_DIGITS
        if huge:
            self.wrong(f"expected a number of at most {_MAX_DIGITS} digits", file.place(path))
            return type(value)(1)
        return value

    def value(self, data: Any, kind: type[T], file: TomlFile, path: PathKey) -> T | None:
        try:
            return structure(data, kind, document=file, path=path)
        except PlanError as error:
            self.faults.extend(error.faults)
        except RecursionError:
            self.wrong("values nested too deeply", file.place(path))
        return None

    def entries(self, file: TomlFile | None, key: str, kind: type[T]) -> list[_Entry[T]]:
        """Read an array of tables; other keys at the top of the file are faults."""
        if file is None:
            return []
        for other in file.data:
            if other != key:
                self.wrong(f"unknown key {other!r}; known is {key!r}", file.place((other,)))
        items = file.data.get(key, [])
        if not isinstance(items, list):
            self.wrong(f"expected [[{key}]] tables", file.place((key,)))
            items = []
        paths: list[PathKey] = [(key, index) for index in range(len(items))]
        return [
            _Entry(kind, item, file, path, self.value(item, kind, file, path))
            for item, path in zip(items, paths, strict=True)
        ]

    def unique(self, entries: Sequence[_Entry[Any]]) -> None:
        seen: dict[str, Place] = {}
        for entry in entries:
            if entry.id is None:
                continue
            key = f"{entry.raw.get('table')}.{entry.id}" if entry.kind is Variable else entry.id
            place = entry.place("id")
            if key in seen:
                self.wrong(f"id {key!r} is taken: {seen[key]}", place)
            seen.setdefault(key, place)

    def named(self, kind: str, name: str, among: Sequence[_Entry[Any]], place: Place) -> None:
        """Check that what is named exists; an entry with a fault of its own does, and so does one in a lost file."""
        ids = {entry.id for entry in among if entry.id is not None} | self.lost.get(_FILE_OF[kind], set())
        if name not in ids:
            self.wrong(str(NotFoundError(kind, name, ids)), place)

    def misnamed_files(self) -> None:
        """Check for files that look like one of a plan's and would be passed over."""
        for path in sorted(self.folder.glob("*.toml")):
            close = nearest(path.stem, _FILES)
            if path.stem not in _FILES and close:
                self.wrong(f"unknown file {path.name!r}; did you mean '{close[0]}.toml'?", Place(file=str(path)))

    def source(self) -> str | None:
        """Return the text of the document, if the folder has it; what is no UTF-8 is a fault and is passed over."""
        path = self.folder / "source.txt"
        if not _is_file(path):
            if _is_folder(path):
                self.wrong("expected a file, got a folder", Place(file=str(path)))
            return None
        try:
            raw = path.read_bytes()
        except OSError as error:
            self.wrong(f"cannot be read: {error.strerror}", Place(file=str(path)))
            return None
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError as error:
            place = Place(file=str(path), line=raw.count(b"\n", 0, error.start) + 1)
            problem = f"expected UTF-8, got byte 0x{raw[error.start]:02x}"
            self.faults.append(PlanError(problem, place=place, mend="save the file as UTF-8"))
            return raw.decode("utf-8", "replace")


_FILE_OF = {"target": "targets", "indicator": "indicators", "discrepancy": "discrepancies"}


def _ids_in(path: Path) -> set[str]:
    """Return what looks like an id in a file that is no TOML, so that one slip in it is not told as many."""
    try:
        text = path.read_bytes().decode("utf-8", "replace")
    except OSError:
        return set()
    return set(re.findall(r"""\bid\s*=\s*["']([^"'\n]+)["']""", text))


@attrs.frozen(kw_only=True)
class _Contents:
    """The entries of a folder with the shared ones, and the text that they quote."""

    document: Document | None
    variables: list[_Entry[Variable]]
    indicators: list[_Entry[Indicator]]
    targets: list[_Entry[Target]]
    discrepancies: list[_Entry[Discrepancy]]
    commitments: list[_Entry[Commitment]]
    text: str | None


def _load_folder(folder: Path, *, bundled: bool) -> Plan:
    read = _Reader(folder)
    try:
        contents = _read_contents(read)
        for check in _CHECKS:
            check(read, contents)
        known = Variables(tuple(entry.value for entry in contents.variables if entry.value is not None))
        if not bundled:
            read.misnamed_files()
            _check_dimensions(read, contents, known)
    except RecursionError:
        read.wrong("values nested too deeply", Place(file=str(folder)))
    faults = sorted(read.faults, key=_order)
    raise_faults(faults, subject=f"Plan {folder.name}", group=PlanFaults)
    assert contents.document is not None  # a missing document is a fault
    targets = [entry.value for entry in contents.targets if entry.value is not None]
    used = {target.indicator for target in targets}
    indicators = [
        entry.value
        for entry in contents.indicators
        if entry.value is not None and (entry.value.id in used or entry.file.path.parent == folder)
    ]
    return Plan(
        document=contents.document,
        variables=known,
        indicators=Registry("indicator", indicators),
        targets=Registry("target", targets),
        discrepancies=Registry("discrepancy", [e.value for e in contents.discrepancies if e.value is not None]),
        commitments=Registry("commitment", [e.value for e in contents.commitments if e.value is not None]),
        content_hash=_content_hash(folder, _root()),
        source_text=contents.text,
    )


def _order(fault: CommunityPlanError) -> tuple[str, int]:
    place = fault.place or Place()
    return place.file or "", place.line or 0


def _read_contents(read: _Reader) -> _Contents:
    folder, shared = read.folder, _root()
    plan = read.file(folder / "plan.toml", required=True)

    def entries(name: str, kind: type[T], *, required: bool = False) -> list[_Entry[T]]:
        return read.entries(read.file(folder / f"{name}.toml", required=required), name, kind)

    def and_shared(name: str, kind: type[T]) -> list[_Entry[T]]:
        return [*read.entries(read.file(shared / f"{name}.toml", required=True), name, kind), *entries(name, kind)]

    return _Contents(
        document=None if plan is None else read.value(plan.data, Document, plan, ()),
        variables=and_shared("variables", Variable),
        indicators=and_shared("indicators", Indicator),
        targets=entries("targets", Target, required=True),
        discrepancies=entries("discrepancies", Discrepancy),
        commitments=entries("commitments", Commitment),
        text=read.source(),
    )


def _content_hash(*folders: Path) -> str:
    """Return a hash over the TOML files and source texts of folders, the same on every machine."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder / name for name in (*(f"{name}.toml" for name in _FILES), "source.txt")):
            if not _is_file(path):
                continue
            content = path.read_bytes().replace(b"\r\n", b"\n")
            digest.update(f"{path.name} {len(content)}\n".encode())
            digest.update(content)
    return digest.hexdigest()


def _check_ids(read: _Reader, contents: _Contents) -> None:
    """Check that every id is given once."""
    for entries in (
        contents.variables,
        contents.indicators,
        contents.targets,
        contents.discrepancies,
        contents.commitments,
    ):
        read.unique(entries)


def _check_document(read: _Reader, contents: _Contents) -> None:
    """Check that the plan's period does not end before it starts."""
    document = contents.document
    if document is not None and document.end < document.start:
        problem = f"expected a day not before the start {document.start}, got {document.end}"
        read.wrong(problem, Place(file=str(read.folder / "plan.toml"), line=1, key="end"))


def _check_variables(read: _Reader, contents: _Contents) -> None:
    """Check that a variable has what its type needs, and that parts and wholes stand in one table and end somewhere."""
    by_key = {(entry.part("table"), entry.id): entry for entry in contents.variables}
    told: set[tuple[Any, Any]] = set()
    for key, entry in by_key.items():
        table, name = key
        kind = entry.part("type")
        quantum = entry.part("quantum")
        if not isinstance(entry.raw, Mapping):
            continue
        if kind == "quantity" and "quantum" not in entry.raw:
            read.wrong("expected a quantum for a quantity", entry.place("type"))
        if quantum is not None and quantum.magnitude <= 0:
            read.wrong("expected a quantum above 0", entry.place("quantum"))
        if kind == "category" and not entry.raw.get("values"):
            read.wrong("expected values for a category", entry.place("type"))
        whole = entry.part("part_of")
        if whole is not None and (table, whole) not in by_key:
            near = [str(other) for place, other in by_key if place == table]
            read.wrong(str(NotFoundError(f"variable of {table}", whole, near)), entry.place("part_of"))
        chain = [key]
        while whole is not None and (table, whole) in by_key and (table, whole) not in chain:
            chain.append((table, whole))
            whole = by_key[table, whole].part("part_of")
        if whole == name and key not in told:
            told.update(chain)
            circle = " › ".join([*(str(part) for _, part in chain), str(name)])
            read.wrong(f"a whole cannot be a part of its own part: {circle}", entry.place("part_of"))


def _check_targets(read: _Reader, contents: _Contents) -> None:
    """Check that what a target names exists, and that what it quotes stands in the source."""
    for entry in contents.targets:
        indicator = entry.part("indicator")
        if indicator is not None:
            read.named("indicator", indicator, contents.indicators, entry.place("indicator"))
        for index, name in enumerate(entry.part("discrepancies") or ()):
            read.named("discrepancy", name, contents.discrepancies, entry.place("discrepancies", index))
        quote = entry.part("citation", "quote")
        if quote is not None and contents.text is not None and quote not in contents.text:
            read.wrong(f"the quote {quote[:40]!r} is not in source.txt", entry.place("citation", "quote"))
        for name in ("name", "target", "baseline", "attribute"):
            words = entry.part("printed", name)
            if quote is not None and words is not None and words not in quote:
                read.wrong(f"{words!r} does not stand in the quote", entry.place("printed", name))
        hedge = entry.part("hedge")
        if quote is not None and hedge is not None and hedge not in quote:
            read.wrong(f"{hedge!r} does not stand in the quote", entry.place("hedge"))
        if contents.document is not None and entry.part("defers_to") == contents.document.id:
            read.wrong("a plan cannot defer to itself", entry.place("defers_to"))
        if entry.value is not None:
            _check_ends(read, entry.value, entry.place("comparator"))


def _check_ends(read: _Reader, target: Target, place: Place) -> None:
    if (target.upper is None) == (target.comparator is Comparator.RANGE):
        read.wrong("expected an upper value for a range, and for nothing else", place)


def _changed_targets(
    contents: _Contents, read: _Reader | None = None
) -> Iterator[tuple[_Entry[Discrepancy], PathKey, Target]]:
    """Yield the targets as the readings change them, and where they do; a reader hears of what is wrong."""
    targets = {entry.id: entry.value for entry in contents.targets}
    for entry in contents.discrepancies:
        for index, reading in enumerate(entry.part("readings") or ()):
            for name, fields in reading.targets.items():
                before = targets.get(name)
                path: PathKey = ("readings", index, "targets", name)
                if before is None or "id" in fields:
                    continue
                try:
                    after = structure(
                        {**unstructure(before), **fields}, Target, document=entry.file, path=(*entry.path, *path)
                    )
                except PlanError as error:
                    if read is not None:
                        read.faults.extend(error.faults)
                else:
                    yield entry, path, after


def _check_readings(read: _Reader, contents: _Contents) -> None:
    """Check that every reading has a name of its own and makes targets of targets."""
    for entry in contents.discrepancies:
        ids = set()
        for index, reading in enumerate(entry.part("readings") or ()):
            if reading.id == ADOPTED or reading.id in ids:
                read.wrong(f"reading {reading.id!r} is taken", entry.place("readings", index, "id"))
            ids.add(reading.id)
            for name, fields in reading.targets.items():
                place = entry.place("readings", index, "targets", name)
                read.named("target", name, contents.targets, place)
                if "id" in fields:
                    read.wrong("a reading cannot change an id", place)
    for entry, path, target in _changed_targets(contents, read):
        _check_ends(read, target, entry.place(*path))
        read_place = entry.place(*path, "indicator")
        read.named("indicator", target.indicator, contents.indicators, read_place)


def _check_commitments(read: _Reader, contents: _Contents) -> None:
    """Check that every commitment has exactly the way of checking that it says, and that its words are printed."""
    lines = None if contents.text is None else contents.text.split("\n")
    for entry in contents.commitments:
        commitment = entry.value
        if commitment is not None:
            if bool(commitment.targets) != (commitment.check == "measured"):
                read.wrong("expected targets for a measured commitment, and for no other", entry.place("check"))
            if (commitment.owed_by is not None) != (commitment.check == "evidenced"):
                read.wrong("expected owed_by for an evidenced commitment, and for no other", entry.place("check"))
        for index, name in enumerate(entry.part("targets") or ()):
            read.named("target", name, contents.targets, entry.place("targets", index))
        for index, name in enumerate(entry.part("discrepancies") or ()):
            read.named("discrepancy", name, contents.discrepancies, entry.place("discrepancies", index))
        quote = entry.part("quote")
        if lines is None or quote is None:
            continue
        around = [line for line in lines if quote in line]
        if not around:
            read.wrong(f"the quote {quote[:40]!r} is not in source.txt", entry.place("quote"))
            continue
        bodies = [("responsible", body) for body in entry.part("responsible") or ()]
        for key, words in (("hedge", entry.part("hedge")), ("due_printed", entry.part("due_printed")), *bodies):
            if words is not None and not any(words in line for line in around):
                read.wrong(f"{words!r} does not stand in the line of the quote", entry.place(key))


_CHECKS: tuple[Callable[[_Reader, _Contents], None], ...] = (
    _check_ids,
    _check_document,
    _check_variables,
    _check_targets,
    _check_readings,
    _check_commitments,
)


def _check_dimensions(read: _Reader, contents: _Contents, known: Variables) -> None:
    """Check measures and units: of every variable, of every measure against its indicator, of every target."""
    # Variables with a fault that has been reported: what names them has none.
    lost = read.lost.get("variables", set()) | {str(entry.id) for entry in contents.variables if entry.value is None}

    def attempt(act: Callable[[], object], place: Place) -> bool:
        try:
            act()
        except CommunityPlanError as error:
            if not (isinstance(error, NotFoundError) and error.name in lost):
                read.wrong(str(error), place)
            return False
        return True

    for variable in contents.variables:
        unit, quantum = variable.part("unit"), variable.part("quantum")
        if unit is not None and quantum is not None and not quantum.unit.same_dimension(unit):
            read.wrong(
                f"expected a unit such as {unit or 'none'}, got {quantum.unit or 'none'}", variable.place("quantum")
            )
    sound = set()
    for entry in contents.indicators:
        indicator = entry.value
        if indicator is not None:
            checked = functools.partial(check_measure, indicator.measure, indicator.unit, known)
            if attempt(checked, entry.place("measure")):
                sound.add(indicator.id)
    units = {entry.id: entry.part("unit") for entry in contents.indicators}
    indicators = {entry.id: entry.value for entry in contents.indicators}
    for target in contents.targets:
        unit = units.get(target.part("indicator"))
        for keys in _AMOUNTS:
            _check_unit(read, target.part(*keys), unit, target.place(*keys))
        for test in target.part("scope") or ():
            if test.variable in lost:
                continue
            if test.variable not in known:
                read.wrong(str(NotFoundError("variable", test.variable, known)), target.place("scope", test.variable))
            elif test.variable in LEVELS:
                continue  # codes of regions: checked with the measure
            elif known[test.variable].type != "category":
                read.wrong(f"{test.variable!r} is no category variable", target.place("scope", test.variable))
            else:
                for value in test.values:
                    attempt(functools.partial(known[test.variable].number_of, value), target.place("scope"))
        whole = indicators.get(target.part("indicator"))
        if target.value is not None and whole is not None and whole.id in sound:
            measure = target.value.measure_of(whole)
            if all(name in known for name in variables_of(measure)):
                attempt(functools.partial(known.table_of, variables_of(measure)), target.place("indicator"))
    for reading, path, changed in _changed_targets(contents):
        for keys in _AMOUNTS:
            _check_unit(read, _walk(changed, keys), units.get(changed.indicator), reading.place(*path, *keys))


_AMOUNTS = (("value",), ("upper",), ("baseline", "value"))


def _check_unit(read: _Reader, value: Quantity | Any, unit: Unit | None, place: Place) -> None:
    if isinstance(value, Quantity) and unit is not None and not value.unit.same_dimension(unit):
        read.wrong(f"expected a unit such as {unit}, got {value.unit or 'none'}", place)
