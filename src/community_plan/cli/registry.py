"""Registry: the commands that show plans, check them, and hand them on."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from community_plan import export, loader, schema
from community_plan.cli.printing import print_json, print_records
from community_plan.cli.program import DEFAULT_PLAN, FormatOption, LangOption, app
from community_plan.documents import unstructure
from community_plan.errors import CommunityPlanError, NotFoundError
from community_plan.labels import label
from community_plan.plan import Plan

__all__ = ["check", "plans", "print_export", "print_schema", "show"]


@app.command
def plans(*, format: FormatOption = "table", lang: LangOption = "zh") -> int:
    """List the plans that come with the library and with installed packages."""
    rows = []
    for listed in loader.available_plans():
        try:
            if listed.fault is not None:
                raise listed.fault
            plan = loader.load_plan(listed.id)
        except CommunityPlanError as error:  # one broken plan hides no other
            sys.stderr.write(f"{listed.id}: {error}\n")
            continue
        rows.append(
            {
                "id": plan.id,
                "title": plan.title.get(lang),
                "number": plan.document.number,
                "start": plan.document.start.isoformat(),
                "end": plan.document.end.isoformat(),
                "targets": len(plan.targets),
                "version": plan.document.version,
                "origin": listed.origin,
            }
        )
    print_records(rows, format)
    return 0


@app.command
def check(folder: str, /) -> int:
    """Check a plan folder and print every fault with its file and line.

    Parameters
    ----------
    folder:
        A folder that has a plan.toml, or a plan's id.
    """
    faults = loader.check_plan(folder)
    for fault in faults:
        sys.stdout.write(f"{fault}\n")
    sys.stdout.write(f"{folder}: {len(faults)} faults\n")
    return 1 if faults else 0


@app.command(name="schema")
def print_schema(name: str | None = None, /, *, folder: Path | None = None) -> int:
    """Print the JSON Schema of a kind of plan file, or write them all into a folder.

    Parameters
    ----------
    name:
        plan, targets, indicators, variables, discrepancies, commitments, or registry for what `export` writes.
        Without it all of them, by name.
    folder:
        Write NAME.schema.json files here instead.
    """
    schemas = schema.json_schemas()
    if name is not None and name not in schemas:
        raise NotFoundError("schema", name, schemas)
    chosen = schemas if name is None else {name: schemas[name]}
    if folder is None:
        print_json(chosen if name is None else chosen[name])
        return 0
    folder.mkdir(parents=True, exist_ok=True)
    for key, value in chosen.items():
        path = folder / f"{key}.schema.json"
        path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", "utf-8")
        sys.stdout.write(f"{path}\n")
    return 0


@app.command(name="export")
def print_export(plan: str = DEFAULT_PLAN, /) -> int:
    """Write a plan's whole registry as one JSON that needs no Python.

    Parameters
    ----------
    plan:
        Plan id, or a folder that has a plan.toml.
    """
    print_json(export.export_plan(loader.load_plan(plan)))
    return 0


@app.command
def show(plan: str = DEFAULT_PLAN, /, *, format: FormatOption = "table", lang: LangOption = "zh") -> int:
    """Show a plan's targets with their formulas and doubtful readings.

    Parameters
    ----------
    plan:
        Plan id, or a folder that has a plan.toml.
    """
    loaded = loader.load_plan(plan)
    if format == "json":
        document = {
            "document": unstructure(loaded.document),
            "content_hash": loaded.content_hash,
            "completeness": {**unstructure(loaded.completeness()), "total": loaded.completeness().total},
            "entries": _entries(loaded),
            "indicators": [unstructure(indicator) for indicator in loaded.indicators.values()],
            "targets": [unstructure(target) for target in loaded.targets.values()],
            "commitments": [unstructure(commitment) for commitment in loaded.commitments.values()],
            "discrepancies": [unstructure(discrepancy) for discrepancy in loaded.discrepancies.values()],
        }
        print_json(document)
        return 0
    rows = [
        {
            label("number", lang): target.number,
            "id": target.id,
            label("indicator", lang): loaded.name_of(target).get(lang),
            label("target", lang): target.text(lang),
            label("baseline", lang): "—" if target.baseline is None else target.baseline.value.text(lang),
            label("attribute", lang): "—" if target.attribute is None else label(target.attribute, lang),
            label("due", lang): target.due.isoformat(),
            label("formula", lang): loaded.formula(target, lang),
            label("clause", lang): target.citation.clause,
            label("discrepancies", lang): " ".join(target.discrepancies),
        }
        for target in loaded.targets.values()
    ]
    print_records(rows, format, title=loaded.title.get(lang))
    whole = loaded.completeness()
    counts = {name: getattr(whole, name) for name in ("main_indicators", "measured", "evidenced", "recorded", "total")}
    counts |= {"discrepancies": whole.discrepancies, "known_gaps": len(whole.known_gaps)}
    line = " · ".join(f"{label(name, lang)} {count}" for name, count in counts.items())
    (sys.stdout if format == "table" else sys.stderr).write(f"※ {line} · {loaded.id} v{loaded.document.version}\n")
    return 0


def _entries(plan: Plan) -> list[dict[str, Any]]:
    """Return every row of the table and every commitment of the body, each with its way of checking."""
    rows = [
        {"id": target.id, "clause": target.citation.clause, "check": "measured", "targets": [target.id]}
        for target in plan.choose("main")
    ]
    rows += [
        {"id": entry.id, "clause": entry.clause, "check": entry.check, "targets": list(entry.targets)}
        for entry in plan.commitments.values()
    ]
    return rows
