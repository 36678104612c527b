"""Command line: thin over the same calls that programs make.

Exit status: 0 done; 1 the data or the plan have faults, or a `--fail-on` verdict came up; 2 wrong usage.
"""

from __future__ import annotations

import csv
import io
import json
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import attrs
import cyclopts
from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table
from rich.text import Text as Styled

from community_plan import __version__, export, loader, sample, schema
from community_plan.documents import unstructure
from community_plan.errors import CommunityPlanError, NotFoundError
from community_plan.labels import label
from community_plan.ledger import State
from community_plan.plan import Plan
from community_plan.results import Result, row_cells
from community_plan.units import Lang
from community_plan.verdicts import Verdict

__all__ = ["app", "run"]

DEFAULT_PLAN = "shangqiu-14fyp"
Format = Literal["table", "json", "csv"]

app = App(
    name="community-plan",
    help="Evaluate community-service plans exactly: what is promised, what is reached, what is missing.",
    version=__version__,
    result_action="return_value",
)

PlanName = Annotated[str, Parameter(name=["--plan", "-p"], help="Plan id, or a folder that has a plan.toml.")]
FormatOption = Annotated[Format, Parameter(name=["--format", "-f"], help="How to print.")]
LangOption = Annotated[Lang, Parameter(name=["--lang", "-l"], help="Language of labels.")]
FailOn = Annotated[
    list[Verdict] | None, Parameter(help="Exit with 1 if a row has this verdict.", negative=(), consume_multiple=False)
]
Pairs = Annotated[list[str] | None, Parameter(negative=(), consume_multiple=False)]

_STYLES = {Verdict.MET: "green", Verdict.NOT_MET: "red", Verdict.UNKNOWN: "yellow"}


class _UsageError(Exception):
    """An option whose text cannot be used."""


def run(arguments: Sequence[str]) -> int:
    """Run the command line on arguments and return the exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # Windows consoles default to a code page without Chinese
            stream.reconfigure(encoding="utf-8")
    try:
        status = app(list(arguments), exit_on_error=False, print_error=True)
    except cyclopts.CycloptsError:  # printed already
        return 2
    except _UsageError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except NotFoundError as error:
        sys.stderr.write(f"{error}\n")
        return 2  # an id on the command line that names nothing
    except CommunityPlanError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except BrokenPipeError:  # `| head` closed the pipe: that is no fault
        sys.stderr.close()
        return 0
    except OSError as error:
        sys.stderr.write(f"{error.filename}: {error.strerror}\n")
        return 1
    return status if isinstance(status, int) else 0


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
    _print_records(rows, format)
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
        _print_json(chosen if name is None else chosen[name])
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
    _print_json(export.export_plan(loader.load_plan(plan)))
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
        _print_json(document)
        return 0
    rows = [
        {
            label("number", lang): target.number,
            label("indicator", lang): loaded.indicators[target.indicator].name.get(lang),
            label("target", lang): target.text(lang),
            label("baseline", lang): "—" if target.baseline is None else target.baseline.value.text(lang),
            label("attribute", lang): "—" if target.attribute is None else label(target.attribute, lang),
            label("due", lang): target.due.isoformat(),
            label("formula", lang): loaded.formula(target.indicator, lang),
            label("clause", lang): target.citation.clause,
            label("discrepancies", lang): " ".join(target.discrepancies),
        }
        for target in loaded.targets.values()
    ]
    _print_records(rows, format, title=loaded.title.get(lang))
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


@app.command
def ledger(
    evidence: Path | None = None,
    /,
    *,
    plan: PlanName = DEFAULT_PLAN,
    period: str = "2025",
    data: Path | None = None,
    as_of: str | None = None,
    state: Annotated[list[State] | None, Parameter(negative=(), consume_multiple=False)] = None,
    format: FormatOption = "table",
    lang: LangOption = "zh",
) -> int:
    """List what every region owes evidence for, and what it has to show.

    Parameters
    ----------
    evidence:
        A CSV or parquet file of evidence, or a folder that has one. Without it the bundled synthetic sample.
    period:
        Year that is looked at.
    data:
        Tables that list the townships and communities that owe something.
    as_of:
        Day from which a due date has passed; without it the last day of the period.
    state:
        Only rows in this state; several may be given.
    """
    loaded = loader.load_plan(plan)
    if evidence is None:
        with tempfile.TemporaryDirectory() as folder:
            drawn = loaded.ledger(sample.write_sample(Path(folder) / "sample"), period=period, as_of=as_of)
        sys.stderr.write(f"{sample.SYNTHETIC}\n")
    else:
        drawn = loaded.ledger(evidence, period=period, data=data, as_of=as_of)
    rows = [row for row in drawn.rows if not state or row.state in state]
    if format == "json":
        sys.stdout.write(f"{attrs.evolve(drawn, rows=tuple(rows)).to_json(indent=1)}\n")
        return 0
    records = [
        {
            label("commitment", lang): row.commitment,
            label("summary", lang): row.summary.get(lang),
            label("region", lang): row.region_name.get(lang),
            label("state", lang): label(row.state.value, lang),
            label("document", lang): row.document,
            label("due", lang): f"{row.due.isoformat()}{'*' if row.due_inferred else ''}",
            label("clause", lang): row.clause,
        }
        for row in rows
    ]
    _print_records(records, format, title=loaded.title.get(lang))
    if any(row.due_inferred for row in rows):
        sys.stderr.write(f"* {label('due_inferred', lang)}\n")
    if drawn.unlisted:
        sys.stderr.write(f"{label('unlisted', lang)}: {' '.join(drawn.unlisted)}\n")
    return 0


@app.command
def evaluate(
    data: Path | None = None,
    /,
    *,
    plan: PlanName = DEFAULT_PLAN,
    by: Annotated[list[str] | None, Parameter(negative=(), consume_multiple=False)] = None,
    target: Annotated[list[str] | None, Parameter(negative=(), consume_multiple=False)] = None,
    unit: Pairs = None,
    reading: Pairs = None,
    as_of: str | None = None,
    fail_on: FailOn = None,
    format: FormatOption = "table",
    lang: LangOption = "zh",
) -> int:
    """Judge a plan's targets on data.

    Parameters
    ----------
    data:
        A CSV or parquet file of communities, or a folder with communities, facilities, workforce and
        townships. Without it the bundled synthetic sample is evaluated, for the city and its counties.
    by:
        A level (city, county, township, community) or a column; several may be given.
    target:
        A target's id, or `main` for the table of main indicators; several may be given. Without it every target
        is judged; without data the table of main indicators.
    unit:
        A column's unit, as COLUMN=UNIT, such as gross_floor_area=亩.
    reading:
        Another reading of a doubtful passage, as ID=READING, such as A02=as-printed.
    as_of:
        Day that the data describe, such as 2025-12-31.
    """
    loaded = loader.load_plan(plan)
    options: dict[str, Any] = {
        "targets": target,
        "units": _pairs(unit, "--unit"),
        "reading": _pairs(reading, "--reading"),
        "as_of": as_of,
    }
    levels = _split(by)
    if target == ["main"]:
        options["targets"] = "main"
    if data is None:
        options["targets"] = options["targets"] or "main"
        with tempfile.TemporaryDirectory() as folder:
            result = loaded.evaluate(
                sample.write_sample(Path(folder) / "sample"), by=levels or ["city", "county"], **options
            )
    else:
        result = loaded.evaluate(data, by=levels, **options)
    return _print_result(result, loaded, format, lang, fail_on)


@app.command
def judge(
    values: list[str] | None = None,
    /,
    *,
    plan: PlanName = DEFAULT_PLAN,
    reading: Pairs = None,
    as_of: str | None = None,
    fail_on: FailOn = None,
    format: FormatOption = "table",
    lang: LangOption = "zh",
) -> int:
    """Judge published values, without data.

    Parameters
    ----------
    values:
        Values as TARGET=VALUE, such as rural-facility-coverage=92.1%. Without any, the plan's own baselines are
        judged.
    reading:
        Another reading of a doubtful passage, as ID=READING, such as A02=as-printed.
    as_of:
        Day that the values describe.
    """
    loaded = loader.load_plan(plan)
    given = _pairs(values, "a value") if values else loaded.baselines()
    result = loaded.judge(given, targets=None if values else "main", reading=_pairs(reading, "--reading"), as_of=as_of)
    return _print_result(result, loaded, format, lang, fail_on)


@app.command(name="sample")
def write_sample(folder: Path, /) -> int:
    """Write the bundled synthetic sample as CSV files.

    Parameters
    ----------
    folder:
        A new or empty folder.
    """
    path = sample.write_sample(folder)
    sys.stdout.write(f"{path}: {sample.SYNTHETIC}\n")
    return 0


def _split(words: Iterable[str] | None) -> list[str]:
    return [part.strip() for word in words or () for part in word.split(",") if part.strip()]


def _pairs(words: Iterable[str] | None, option: str) -> dict[str, str]:
    pairs = {}
    for word in words or ():
        name, equals, value = word.partition("=")
        if not equals:
            raise _UsageError(f"expected NAME=VALUE for {option}, got {word!r}")
        pairs[name.strip()] = value.strip()
    return pairs


def _print_json(data: Any) -> None:
    json.dump(data, sys.stdout, ensure_ascii=False, indent=1)
    sys.stdout.write("\n")


def _print_records(rows: Sequence[dict[str, Any]], format: Format, *, title: str | None = None) -> None:
    if format == "json":
        _print_json(rows)
        return
    names = list(rows[0]) if rows else []
    if format == "csv":
        _print_csv(names, [[row[name] for name in names] for row in rows])
        return
    table = Table(*names, title=title, show_lines=True)
    for row in rows:
        table.add_row(*("" if row[name] is None else Styled(str(row[name])) for name in names))
    _console().print(table)


def _console() -> Console:
    console = Console()
    # In a pipe or a log there is no terminal to fit into.
    return console if console.is_terminal else Console(width=200)


def _print_csv(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([[_csv_cell(cell) for cell in row] for row in rows])


def _csv_cell(cell: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula."""
    if isinstance(cell, list):
        return " ".join(map(str, cell))
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


def _print_result(result: Result, plan: Plan, format: Format, lang: Lang, fail_on: Sequence[Verdict] | None) -> int:
    if format == "json":
        sys.stdout.write(f"{result.to_json(lang, indent=1)}\n")
    elif format == "csv":
        columns = result.to_columns(lang)
        _print_csv(list(columns), zip(*columns.values(), strict=True))
    else:
        _print_table(result, plan, lang)
    if format != "table":
        for note in result.notes:
            sys.stderr.write(f"{note.zh if lang == 'zh' else note.en}\n")
    return 1 if fail_on and any(row.verdict in fail_on for row in result.rows) else 0


def _print_table(result: Result, plan: Plan, lang: Lang) -> None:
    names = ("region", "number", "indicator", "value", "target", "gap", "verdict")
    table = Table(title=plan.title.get(lang))
    for name in names:
        right = name in ("number", "value", "target", "gap")
        table.add_column(label(name, lang), justify="right" if right else "left", overflow="fold")
    before = None
    for row in result.rows:
        cells = [Styled(cell) for cell in row_cells(row, lang)]
        region = (row.region, row.period, tuple(row.columns.items()))
        if region == before:
            cells[0] = Styled("")
        elif before is not None:
            table.add_section()
        before = region
        cells[-1].stylize(_STYLES[row.verdict])
        table.add_row(*cells)
    console = _console()
    console.print(table)
    for note in result.notes:
        console.print(Styled(f"※ {note.zh if lang == 'zh' else note.en}"))
    used = dict.fromkeys(name for row in result.rows for name in row.discrepancies)
    if used:
        words = label("rests_on", lang)
        console.print(Styled(f"※ {words}: {' '.join(used)}"))
