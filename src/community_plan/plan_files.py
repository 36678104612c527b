"""Plan files: a plan folder read file by file, every entry with its place, every fault kept."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Generic, TypeVar, get_args

import attrs

from community_plan.commitments import Commitment
from community_plan.documents import structure
from community_plan.errors import CommunityPlanError, NotFoundError, Place, PlanError, did_you_mean, nearest
from community_plan.plan import Document
from community_plan.sources import Discrepancy
from community_plan.targets import Indicator, Target
from community_plan.text_files import decoded, read_bytes
from community_plan.toml_files import MAX_FILE, PathKey, TomlFile, read_toml
from community_plan.variables import Variable

__all__ = [
    "FILES",
    "FILE_OF",
    "MAX_DIGITS",
    "Contents",
    "Entry",
    "FolderReader",
    "ids_in",
    "is_file",
    "is_folder",
    "plans_root",
    "read_contents",
    "walk",
]

T = TypeVar("T")
FILES = ("plan", "targets", "indicators", "variables", "discrepancies", "commitments")
MAX_DIGITS = 40


def plans_root() -> Path:
    """Return the folder of the bundled plans."""
    # The package is installed as files: hatchling makes no zipped wheels that run in place.
    return Path(__file__).with_name("plans")


def is_file(path: Path) -> bool:
    """Say whether a path is a file that can be asked for."""
    return os.path.isfile(path)  # noqa: PTH113  # false also for a name that is too long


def is_folder(path: Path) -> bool:
    """Say whether a path is a folder that can be asked for."""
    return os.path.isdir(path)  # noqa: PTH112  # likewise


@attrs.frozen
class Entry(Generic[T]):
    """An entry of a file: as it is written, and as a value if it has no fault."""

    kind: type[T]
    raw: Any
    file: TomlFile
    path: PathKey
    value: T | None

    @property
    def id(self) -> str | None:
        """Id as it stands in the document, if it is a text."""
        found = self.raw.get("id") if isinstance(self.raw, Mapping) else None
        return found if isinstance(found, str) else None

    def part(self, *keys: str) -> Any:
        """Return an attribute, even of an entry that has a fault elsewhere; None where there is none."""
        if self.value is not None:
            return walk(self.value, keys)
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
        """Return the place of the entry, or of a key in it."""
        return self.file.place((*self.path, *keys))


def walk(value: Any, keys: Sequence[str]) -> Any:
    """Return an attribute of an attribute …; None where one of them is None."""
    for key in keys:
        value = None if value is None else getattr(value, key)
    return value


class FolderReader:
    """Reads the files of a folder and collects what is wrong with them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.faults: list[CommunityPlanError] = []
        self.lost: dict[str, set[str]] = {}
        """Names of files that are there and cannot be read, with what looks like an id in them."""

    def wrong(self, problem: str, place: Place) -> None:
        """Note a fault."""
        self.faults.append(PlanError(problem, place=place))

    def file(self, path: Path, *, required: bool = False) -> TomlFile | None:
        """Read a file; note why, if it cannot be read."""
        place = Place(file=str(path))
        if not is_file(path):
            there = is_folder(path)
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
        self.lost[path.stem] = ids_in(path)
        return None

    def _tame(self, value: Any, file: TomlFile, path: PathKey) -> Any:
        """Return data without numbers that take forever to handle, such as 1e999999999; each is a fault."""
        if isinstance(value, dict):
            return {key: self._tame(part, file, (*path, key)) for key, part in value.items()}
        if isinstance(value, list):
            return [self._tame(part, file, (*path, index)) for index, part in enumerate(value)]
        if isinstance(value, Decimal) and value.is_finite():
            _, digits, exponent = value.as_tuple()
            huge = len(digits) > MAX_DIGITS or abs(int(exponent)) > MAX_DIGITS
        else:
            huge = isinstance(value, int) and abs(value) >= 10**MAX_DIGITS
        if huge:
            self.wrong(f"expected a number of at most {MAX_DIGITS} digits", file.place(path))
            return type(value)(1)
        return value

    def value(self, data: Any, kind: type[T], file: TomlFile, path: PathKey) -> T | None:
        """Build a value; note every fault in it."""
        try:
            return structure(data, kind, document=file, path=path)
        except PlanError as error:
            self.faults.extend(error.faults)
        except RecursionError:
            self.wrong("values nested too deeply", file.place(path))
        return None

    def entries(self, file: TomlFile | None, key: str, kind: type[T]) -> list[Entry[T]]:
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
            Entry(kind, item, file, path, self.value(item, kind, file, path))
            for item, path in zip(items, paths, strict=True)
        ]

    def unique(self, entries: Sequence[Entry[Any]]) -> None:
        """Note every id that is taken twice."""
        seen: dict[str, Place] = {}
        for entry in entries:
            if entry.id is None:
                continue
            key = f"{entry.raw.get('table')}.{entry.id}" if entry.kind is Variable else entry.id
            place = entry.place("id")
            if not entry.id.strip():
                self.wrong("expected an id, got an empty text", place)
            if key in seen:
                self.wrong(f"id {key!r} is taken: {seen[key]}", place)
            seen.setdefault(key, place)

    def named(self, kind: str, name: str, among: Sequence[Entry[Any]], place: Place) -> None:
        """Check that what is named exists; an entry with a fault of its own does, and so does one in a lost file."""
        ids = {entry.id for entry in among if entry.id is not None} | self.lost.get(FILE_OF[kind], set())
        if name not in ids:
            self.wrong(str(NotFoundError(kind, name, ids)), place)

    def misnamed_files(self) -> None:
        """Check for files that look like one of a plan's and would be passed over."""
        for path in sorted(self.folder.glob("*.toml")):
            close = nearest(path.stem, FILES)
            if path.stem not in FILES and close:
                self.wrong(f"unknown file {path.name!r}{did_you_mean([f'{close[0]}.toml'])}", Place(file=str(path)))

    def source(self) -> str | None:
        """Return the text of the document, if the folder has it; what is no UTF-8 is a fault and is passed over."""
        path = self.folder / "source.txt"
        if not is_file(path):
            if is_folder(path):
                self.wrong("expected a file, got a folder", Place(file=str(path)))
            return None
        raw = None
        try:
            raw = read_bytes(path, PlanError, most=MAX_FILE)
            return decoded(raw, path, PlanError)
        except PlanError as error:
            self.faults.append(error)
            return None if raw is None else raw.decode("utf-8", "replace")


FILE_OF = {"target": "targets", "indicator": "indicators", "discrepancy": "discrepancies"}


def ids_in(path: Path) -> set[str]:
    """Return what looks like an id in a file that is no TOML, so that one slip in it is not told as many."""
    try:
        text = path.read_bytes().decode("utf-8", "replace")
    except OSError:
        return set()
    return set(re.findall(r"""\bid\s*=\s*["']([^"'\n]+)["']""", text))


@attrs.frozen(kw_only=True)
class Contents:
    """The entries of a folder with the shared ones, and the text that they quote."""

    document: Document | None
    variables: list[Entry[Variable]]
    indicators: list[Entry[Indicator]]
    targets: list[Entry[Target]]
    discrepancies: list[Entry[Discrepancy]]
    commitments: list[Entry[Commitment]]
    text: str | None


def read_contents(read: FolderReader) -> Contents:
    """Read every file of a plan folder, and the shared ones that it is read with."""
    folder, shared = read.folder, plans_root()
    plan = read.file(folder / "plan.toml", required=True)

    def entries(name: str, kind: type[T], *, required: bool = False) -> list[Entry[T]]:
        return read.entries(read.file(folder / f"{name}.toml", required=required), name, kind)

    def and_shared(name: str, kind: type[T]) -> list[Entry[T]]:
        return [*read.entries(read.file(shared / f"{name}.toml", required=True), name, kind), *entries(name, kind)]

    return Contents(
        document=None if plan is None else read.value(plan.data, Document, plan, ()),
        variables=and_shared("variables", Variable),
        indicators=and_shared("indicators", Indicator),
        targets=entries("targets", Target, required=True),
        discrepancies=entries("discrepancies", Discrepancy),
        commitments=entries("commitments", Commitment),
        text=read.source(),
    )
