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
import importlib.util
from collections.abc import Iterator
from pathlib import Path

import attrs

from community_plan.errors import (
    CommunityPlanError,
    NotFoundError,
    Place,
    PlanError,
    PlanFaults,
    raise_faults,
)
from community_plan.meaning_checks import check_meaning
from community_plan.plan import Plan, Registry
from community_plan.plan_checks import CHECKS
from community_plan.plan_files import (
    FILES,
    FolderReader,
    is_file,
    is_folder,
    plans_root,
    read_contents,
)
from community_plan.variables import Variables

__all__ = ["ENTRY_POINTS", "AvailablePlan", "available_plans", "bundled_plans", "check_plan", "load_plan"]

ENTRY_POINTS = "community_plan.plans"
"""The entry point group by which other packages bring plans."""


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


def bundled_plans() -> list[str]:
    """Return the ids of the plans that come with the library."""
    return sorted(path.parent.name for path in plans_root().glob("*/plan.toml"))


def available_plans() -> list[AvailablePlan]:
    """List bundled and third-party plans by id, without loading a plan or importing a package.

    A third-party plan that cannot be found is listed with its fault, and hides no other.
    """
    bundled = [AvailablePlan(id=name, origin="community-plan", folder=plans_root() / name) for name in bundled_plans()]
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
    import importlib.metadata  # with all that reads e-mail, and few ask for what others bring

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
        if is_file(folder / "plan.toml"):
            return folder
    raise PlanError(f"package {value!r} has no plan.toml in {', '.join(folders) or 'any directory'}")


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
    if plan != "" and is_folder(folder):  # no name is no name of the working directory
        return _load_folder(folder, bundled=False)
    raise NotFoundError("plan", str(plan), known, mend="give the id of a plan, or a folder that has a plan.toml")


def check_plan(plan: str | Path) -> tuple[CommunityPlanError, ...]:
    """Return every fault of a plan folder, or of a plan by id; none if it loads.

    Raises:
        NotFoundError: If there is no such plan.
    """
    try:
        # A bundled plan is checked whole too: its folder is read as anybody's.
        load_plan(plans_root() / plan if isinstance(plan, str) and plan in bundled_plans() else plan)
    except PlanError as error:
        return error.faults
    return ()


@functools.cache
def _load_bundled(name: str) -> Plan:
    return _load_folder(plans_root() / name, bundled=True)


def _load_third_party(name: str, folder: Path) -> Plan:
    plan = _load_folder(folder, bundled=False)
    if plan.id != name:
        problem = f"expected the id of its entry point, {name!r}, got {plan.id!r}"
        raise PlanError(problem, place=Place(file=str(folder / "plan.toml"), key="id"))
    return plan


def _load_folder(folder: Path, *, bundled: bool) -> Plan:
    read = FolderReader(folder)
    try:
        contents = read_contents(read)
        for check in CHECKS:
            check(read, contents)
        known = Variables(tuple(entry.value for entry in contents.variables if entry.value is not None))
        if not bundled:
            read.misnamed_files()
            check_meaning(read, contents, known)
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
        content_hash=_content_hash(folder, plans_root()),
        source_text=contents.text,
    )


def _order(fault: CommunityPlanError) -> tuple[str, int]:
    place = fault.place or Place()
    return place.file or "", place.line or 0


def _content_hash(*folders: Path) -> str:
    """Return a hash over the TOML files and source texts of folders, the same on every machine."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder / name for name in (*(f"{name}.toml" for name in FILES), "source.txt")):
            if not is_file(path):
                continue
            content = path.read_bytes().replace(b"\r\n", b"\n")
            digest.update(f"{path.name} {len(content)}\n".encode())
            digest.update(content)
    return digest.hexdigest()
