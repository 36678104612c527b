"""Plan checks: what no single entry can say of itself — ids, references, quotations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from community_plan.documents import structure, unstructure
from community_plan.errors import NotFoundError, Place, PlanError
from community_plan.measures import Comparator
from community_plan.plan_files import Contents, Entry, FolderReader
from community_plan.sources import ADOPTED, Discrepancy
from community_plan.targets import Target
from community_plan.toml_files import PathKey

__all__ = ["CHECKS", "changed_targets"]


def _check_ids(read: FolderReader, contents: Contents) -> None:
    """Check that every id is given once."""
    for entries in (
        contents.variables,
        contents.indicators,
        contents.targets,
        contents.discrepancies,
        contents.commitments,
    ):
        read.unique(entries)


def _check_document(read: FolderReader, contents: Contents) -> None:
    """Check that the plan's period does not end before it starts."""
    document = contents.document
    if document is not None and document.end < document.start:
        problem = f"expected a day not before the start {document.start}, got {document.end}"
        read.wrong(problem, Place(file=str(read.folder / "plan.toml"), line=1, key="end"))


def _check_variables(read: FolderReader, contents: Contents) -> None:
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


def _check_targets(read: FolderReader, contents: Contents) -> None:
    """Check that what a target names exists, and that what it quotes stands in the source."""
    for entry in contents.targets:
        indicator = entry.part("indicator")
        if indicator is not None:
            read.named("indicator", indicator, contents.indicators, entry.place("indicator"))
        _check_names(read, entry, "discrepancies", "discrepancy", contents.discrepancies)
        if entry.id == "main":
            read.wrong("id 'main' is taken: it stands for the table of main indicators", entry.place("id"))
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


def _check_names(read: FolderReader, entry: Entry[Any], key: str, kind: str, among: Sequence[Entry[Any]]) -> None:
    """Check that what an entry lists exists."""
    for index, name in enumerate(entry.part(key) or ()):
        read.named(kind, name, among, entry.place(key, index))


def _check_ends(read: FolderReader, target: Target, place: Place) -> None:
    if (target.upper is None) == (target.comparator is Comparator.RANGE):
        read.wrong("expected an upper value for a range, and for nothing else", place)


def changed_targets(
    contents: Contents, read: FolderReader | None = None
) -> Iterator[tuple[Entry[Discrepancy], PathKey, Target]]:
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


def _check_readings(read: FolderReader, contents: Contents) -> None:
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
    for entry, path, target in changed_targets(contents, read):
        _check_ends(read, target, entry.place(*path))
        read_place = entry.place(*path, "indicator")
        read.named("indicator", target.indicator, contents.indicators, read_place)


def _check_commitments(read: FolderReader, contents: Contents) -> None:
    """Check that every commitment has exactly the way of checking that it says, and that its words are printed."""
    lines = None if contents.text is None else contents.text.split("\n")
    for entry in contents.commitments:
        commitment = entry.value
        if commitment is not None:
            if bool(commitment.targets) != (commitment.check == "measured"):
                read.wrong("expected targets for a measured commitment, and for no other", entry.place("check"))
            if (commitment.owed_by is not None) != (commitment.check == "evidenced"):
                read.wrong("expected owed_by for an evidenced commitment, and for no other", entry.place("check"))
        _check_names(read, entry, "targets", "target", contents.targets)
        _check_names(read, entry, "discrepancies", "discrepancy", contents.discrepancies)
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


CHECKS: tuple[Callable[[FolderReader, Contents], None], ...] = (
    _check_ids,
    _check_document,
    _check_variables,
    _check_targets,
    _check_readings,
    _check_commitments,
)
