"""Merging: tallies of different communities added up, and what keeps two of them apart."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import attrs

from community_plan.entry import Note
from community_plan.errors import CommunityPlanError, Place, TallyError, raise_faults
from community_plan.grouping import Grouping
from community_plan.programs import Slots
from community_plan.regions import LEVELS, is_code_of
from community_plan.tallies import Key, Tally, add_up, by_words, key_order, key_text, note_order, without_levels

__all__ = ["files_in", "merge_notes", "merge_tallies", "plan_differences"]


def merge_notes(notes: Iterable[Note]) -> tuple[Note, ...]:
    """Return each note once, in a fixed order; those that count something add up their counts."""
    counts: dict[Note, list[int]] = {}
    for note in notes:
        found = counts.setdefault(attrs.evolve(note, count=None), [])
        if note.count is not None:
            found.append(note.count)
    merged = [attrs.evolve(kind, count=sum(found) if found else None) for kind, found in counts.items()]
    return tuple(sorted(merged, key=note_order))


def merge_tallies(tallies: Iterable[Tally | str | Path] | Tally | str | Path) -> Tally:
    """Add up tallies of different communities, as objects or as files.

    A region that was counted as a whole stands in one tally only; parts of a region (`complete=False`) add up.

    Args:
        tallies: Tallies, paths of files, or folders whose `*.json` files, in any case, are all tallies.

    Raises:
        TallyError: If there is none, one cannot be read, they differ in plan, readings, targets or grouping, or
            two count the same region; several faults come together as `DataFaults`.
        SumOverflowError: If a sum does not fit 64 bits.
    """
    given = [tallies] if isinstance(tallies, str | Path | Tally) else list(tallies)
    faults: list[CommunityPlanError] = []
    named: list[tuple[Tally, Place]] = []
    seen: set[str | int] = set()
    for number, item in enumerate(given, start=1):
        for opened, place in _opened(item, number):
            same = os.path.realpath(opened) if isinstance(opened, Path) else id(opened)
            try:
                if same in seen:
                    raise TallyError(
                        "expected each tally once, got it again", place=place, mend="leave one of them out"
                    )
                seen.add(same)
                if isinstance(opened, TallyError):
                    raise opened
                named.append((opened if isinstance(opened, Tally) else Tally.load(opened), place))
            except CommunityPlanError as error:
                faults.extend(error.faults)
    if not given:
        faults.append(TallyError("expected at least one tally, got none"))
    raise_faults(faults, subject="The tallies cannot be merged")
    return _merged(named)


def _opened(item: object, number: int) -> list[tuple[Tally | Path | TallyError, Place]]:
    """Return the tallies or files that an argument stands for, or its fault, with their places."""
    here = Place(key=f"tally {number}")
    if isinstance(item, Tally):
        return [(item, here)]
    if not isinstance(item, str | Path):
        return [(TallyError(f"expected a tally or a path, got {type(item).__name__}", place=here), here)]
    path = Path(item)
    here = Place(file=str(path))
    try:
        files = files_in(path) if path.is_dir() else None
    except OSError as error:
        return [(TallyError(f"cannot be read: {error.strerror}", place=here), here)]
    if files is None:
        return [(path, here)]
    if not files:
        return [(TallyError("expected a folder with *.json files, got none", place=here), here)]
    return [(file, Place(file=str(file))) for file in files]


def files_in(folder: Path) -> list[Path]:
    """Return the files of tallies in a folder; other systems write their ending in capitals."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() == ".json")


def _merged(named: Sequence[tuple[Tally, Place]]) -> Tally:
    first, first_place = named[0]
    faults = [fault for tally, place in named[1:] for fault in _differences(first, first_place, tally, place)]
    raise_faults(faults, subject="The tallies cannot be merged")
    if any(tally.grouping.hidden != first.grouping.hidden for tally, _ in named):
        named = [(_without_hidden(tally, place), place) for tally, place in named]
    grouping = named[0][0].grouping
    items: list[tuple[Key, tuple[Slots, ...]]] = []
    owners: dict[Key, list[tuple[int, Key]]] = {}
    clashes: dict[tuple[int, int], list[Key]] = {}
    for number, (tally, _) in enumerate(named):
        items += tally.cells.items()
        for key in tally.cells:
            earlier = owners.setdefault(_place(key, grouping), [])
            for owner, theirs in earlier:
                if owner != number and not _may_share((theirs, named[owner][0]), (key, tally)):
                    clashes.setdefault((owner, number), []).append(key)
                    break
            if tally.complete or not earlier:  # with a later part nobody clashes who does not with the first
                earlier.append((number, key))
    raise_faults(
        [_clash(keys, named[one], named[other]) for (one, other), keys in clashes.items()],
        subject="The tallies cannot be merged",
    )
    cells = add_up(items)
    names: dict[str, str] = {}
    for tally, _ in named:
        for code, name in tally.names.items():
            names[code] = min(name, names.get(code, name))
    return attrs.evolve(
        first,
        grouping=grouping,
        named=tuple(level for level in LEVELS if any(level in tally.named for tally, _ in named)),
        cells={key: cells[key] for key in sorted(cells, key=key_order)},
        parts=frozenset().union(*(tally.parts for tally, _ in named)),
        names=dict(sorted(names.items())),
        notes=merge_notes([note for tally, _ in named for note in tally.notes]),
    )


def _differences(one: Tally, one_place: Place, other: Tally, place: Place) -> Iterator[TallyError]:
    """Yield what keeps two tallies from being of the same kind."""
    yield from plan_differences(
        (one.plan, one.plan_version, one.content_hash, one.readings), other, place, f" as in {one_place}"
    )
    if one.plan == other.plan and one.targets != other.targets:
        missing, more = ([name for name in a.targets if name not in b.targets] for a, b in ((one, other), (other, one)))
        got = " and ".join(
            words for words in (missing and f"without {_few(missing)}", more and f"with {_few(more)} besides") if words
        )
        yield TallyError(
            f"expected the targets of {one_place}, got them {got or 'in another order'}",
            place=place,
            mend="tally all data with the same targets",
        )
    elif one.plan == other.plan and one.content_hash == other.content_hash and one.measures != other.measures:
        yield TallyError(
            f"expected measures and quanta as in {one_place}, got others", place=place, mend="tally the data anew"
        )
    if by_words(one.grouping) != by_words(other.grouping):
        yield TallyError(
            f"expected a tally by {by_words(one.grouping)} as in {one_place}, got one by {by_words(other.grouping)}",
            place=place,
            mend="tally all data by the same levels and columns",
        )


def plan_differences(
    expected: tuple[str, str, str, Mapping[str, str]], got: Tally, place: Place | None = None, where: str = ""
) -> Iterator[TallyError]:
    """Yield how the plan of a tally differs from an id, a version, a content hash and readings."""
    plan, version, content_hash, readings = expected
    if plan != got.plan:
        mend = "tallies of different plans are judged apart, each with its own"
        yield TallyError(f"expected a tally of plan {plan!r}{where}, got {got.plan!r}", place=place, mend=mend)
        return
    mend = "use the same release of the plan, and tally the data anew"
    if version != got.plan_version:
        problem = f"expected version {version!r} of plan {plan!r}{where}, got {got.plan_version!r}"
        yield TallyError(problem, place=place, mend=mend)
    elif content_hash != got.content_hash:
        problem = (
            f"expected content hash {content_hash or None} of plan {plan!r}{where}, got {got.content_hash or None}"
        )
        yield TallyError(problem, place=place, mend=mend)
    if dict(readings) != dict(got.readings):
        problem = f"expected {_reading_words(readings)}{where}, got {_reading_words(got.readings)}"
        yield TallyError(problem, place=place, mend="choose the same readings in reading=")


def _reading_words(readings: Mapping[str, str]) -> str:
    chosen = ", ".join(f"{key}={name}" for key, name in sorted(readings.items()))
    return f"reading {chosen}" if chosen else "the adopted readings"


def _few(names: Sequence[str]) -> str:
    return f"{', '.join(names[:5])}{' …' if len(names) > 5 else ''}"


def _place(key: Key, grouping: Grouping) -> Key:
    """Return what a key's region is known by: by a code alone, whatever the regions around it are called."""
    finest = len(grouping.levels) - 1
    label = key[finest] if finest >= 0 else None
    return key[finest:] if label is not None and is_code_of(label, grouping.levels[finest]) else key


def _may_share(one: tuple[Key, Tally], other: tuple[Key, Tally]) -> bool:
    """Whether two tallies may both have sums of a region: as parts of it, or beyond its finest regions."""
    (key, tally), (later_key, later) = one, other
    levels = tally.grouping.levels
    if levels and key[len(levels) - 1] is None:
        # Whoever has the same of all regions and says that it is complete has the same data.
        return not (tally.complete and later.complete and tally.cells == later.cells and any(_amounts(tally)))
    return key in tally.parts and later_key in later.parts and "community" not in levels


def _amounts(tally: Tally) -> Iterator[int]:
    return (amount for slots in tally.cells.values() for sums in slots for amount in sums.values())


def _clash(keys: Sequence[Key], one: tuple[Tally, Place], other: tuple[Tally, Place]) -> TallyError:
    (earlier, earlier_place), (later, place) = one, other
    grouping = later.grouping
    key = keys[0]
    if not grouping.keys:
        return TallyError(
            f"expected a tally of other regions than {earlier_place}, got the whole table in both",
            place=place,
            mend="tally by a level such as county, or each part of the table with complete=False (--part)",
        )
    shown = _few([key_text(each, grouping) for each in keys])
    number = f"{len(keys)} of the same" if len(keys) > 1 else "the same"
    problem = f"expected other regions than in {earlier_place}, got {number}: {shown}"
    if "community" in grouping.levels:
        mend = "a community is counted once; leave it out of one of them"
    elif _place(key, grouping) in {_place(part, grouping) for part in earlier.parts | later.parts}:
        mend = "one of them says that it has the whole region; leave the other out"
    else:
        mend = "leave one of them out; parts of one region are tallied with complete=False (--part)"
    return TallyError(problem, place=place, mend=mend)


def _without_hidden(tally: Tally, place: Place) -> Tally:
    """Return a tally without the levels that only tell names apart, where codes do so themselves.

    Raises:
        TallyError: If its regions are names.
    """
    grouping = tally.grouping
    townships = {key[grouping.levels.index("township")] for key in tally.cells} - {None}
    names = sorted(name for name in townships if name is not None and not is_code_of(name, "township"))
    if names:
        raise TallyError(
            f"expected townships told apart by their county in all tallies or in none, got {names[0]!r}",
            place=place,
            mend="tally all data with a column of codes, or with the same columns",
        )
    return without_levels(tally, grouping.hidden)
