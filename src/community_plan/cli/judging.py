"""Judging: the commands that hold data, tallies, published values and evidence against a plan."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import attrs
from cyclopts import Parameter

from community_plan import loader, sample
from community_plan.cli.printing import print_records, print_result
from community_plan.cli.program import (
    DEFAULT_PLAN,
    FailOn,
    FormatOption,
    LangOption,
    PlanName,
    UsageError,
    Words,
    app,
    levels_of,
    pairs_of,
)
from community_plan.errors import DataError, Place, TallyError
from community_plan.labels import label
from community_plan.ledger import State
from community_plan.tables import SAVE_AS_CSV, SUFFIXES
from community_plan.tallies import Tally

__all__ = ["evaluate", "judge", "ledger", "write_sample"]


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
        Tables that list the townships and communities that owe something, beside evidence.
    as_of:
        Day from which a due date has passed; without it the last day of the period.
    state:
        Only rows in this state; several may be given.
    """
    loaded = loader.load_plan(plan)
    if evidence is None and data is not None:  # the sample's evidence is of no real place
        raise UsageError(f"expected evidence beside --data, got {str(data)!r} alone")
    if evidence is None:
        with tempfile.TemporaryDirectory() as folder:
            drawn = loaded.ledger(sample.write_sample(Path(folder) / "sample"), period=period, as_of=as_of)
        sys.stderr.write(f"{sample.SYNTHETIC}\n")
    else:
        drawn = loaded.ledger(evidence, period=period, data=data, as_of=as_of)
    rows = [row for row in drawn.rows if not state or row.state in state]
    if format == "json":
        sys.stdout.write(f"{attrs.evolve(drawn, rows=tuple(rows)).to_json(lang, indent=1)}\n")
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
    print_records(records, format, title=loaded.title.get(lang))
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
    by: Words = None,
    target: Words = None,
    unit: Words = None,
    reading: Words = None,
    as_of: str | None = None,
    fail_on: FailOn = None,
    format: FormatOption = "table",
    lang: LangOption = "zh",
) -> int:
    """Judge a plan's targets on data.

    Parameters
    ----------
    data:
        A CSV or parquet file of communities, a folder with communities, facilities, workforce and townships, or
        a tally (.json). Without it the bundled synthetic sample is evaluated, for the city and its counties.
    by:
        A level (city, county, township, community) or a column; several may be given. `total`, alone, is the whole
        table. A tally can be rolled up, not split.
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
        "by": levels_of(by),
        "targets": target,
        "units": pairs_of(unit, "--unit") or None,
        "reading": pairs_of(reading, "--reading"),
        "as_of": as_of,
    }
    if data is None:
        options["targets"] = options["targets"] or "main"
        options["by"] = options["by"] or ["city", "county"]
        with tempfile.TemporaryDirectory() as folder:
            result = loaded.evaluate(sample.write_sample(Path(folder) / "sample"), **options)
    else:
        try:
            result = loaded.evaluate(_opened(data), **options)
        except DataError as error:
            for fault in error.faults:
                if isinstance(fault, TallyError) and fault.place is None:
                    fault.at(Place(file=str(data)))
            raise
    return print_result(result, loaded, format, lang, fail_on)


def _opened(data: Path) -> Path | Tally:
    """Return data as `Plan.evaluate` takes them; a tally is told by its ending.

    Raises:
        DataError: If a file ends otherwise than data and tallies do.
        TallyError: If it holds no tally.
    """
    ending = data.suffix.lower()
    if ending == ".json":
        return Tally.load(data)
    if data.is_file() and ending not in SUFFIXES:
        expected = f"a file that ends in {' or '.join(SUFFIXES)}, or in .json for a tally"
        raise DataError(f"expected {expected}, got {data.name!r}", place=Place(file=str(data)), mend=SAVE_AS_CSV)
    return data


@app.command
def judge(
    values: list[str] | None = None,
    /,
    *,
    plan: PlanName = DEFAULT_PLAN,
    reading: Words = None,
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
    given = pairs_of(values, "a value") if values else loaded.baselines()
    result = loaded.judge(
        given, targets=None if values else "main", reading=pairs_of(reading, "--reading"), as_of=as_of
    )
    return print_result(result, loaded, format, lang, fail_on)


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
