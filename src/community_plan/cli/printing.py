"""Printing: results and records as tables for people, as JSON and as CSV."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text as Styled

from community_plan.cli.program import Format
from community_plan.entry import Note
from community_plan.labels import label
from community_plan.plan import Plan
from community_plan.results import SHOWN, Result, row_cells
from community_plan.units import Lang, in_language
from community_plan.verdicts import Verdict

__all__ = ["print_json", "print_notes", "print_records", "print_result"]

_STYLES = {Verdict.MET: "green", Verdict.NOT_MET: "red", Verdict.UNKNOWN: "yellow"}


def print_notes(notes: Iterable[Note], lang: Lang) -> None:
    """Print what the user should know about the data, to standard error."""
    for note in notes:
        sys.stderr.write(f"{in_language(lang, note.zh, note.en)}\n")


def print_json(data: Any) -> None:
    """Print data as JSON."""
    json.dump(data, sys.stdout, ensure_ascii=False, indent=1)
    sys.stdout.write("\n")


def print_records(rows: Sequence[dict[str, Any]], format: Format, *, title: str | None = None) -> None:
    """Print a row for each record, its keys as headers."""
    if format == "json":
        print_json(rows)
        return
    names = list(rows[0]) if rows else []
    if format == "csv":
        _print_csv(names, [[row[name] for name in names] for row in rows])
        return
    table = Table(title=title, show_lines=True)
    for name in names:
        table.add_column(name, overflow="fold")  # an id that ends in dots is no id
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


def print_result(result: Result, plan: Plan, format: Format, lang: Lang, fail_on: Sequence[Verdict] | None) -> int:
    """Print a result with its notes and return the exit status."""
    if format == "json":
        sys.stdout.write(f"{result.to_json(lang, indent=1)}\n")
    elif format == "csv":
        columns = result.to_columns(lang)
        _print_csv(list(columns), zip(*columns.values(), strict=True))
    else:
        _print_table(result, plan, lang)
    if format != "table":
        print_notes(result.notes, lang)
    return 1 if fail_on and any(row.verdict in fail_on for row in result.rows) else 0


def _print_table(result: Result, plan: Plan, lang: Lang) -> None:
    table = Table(title=plan.title.get(lang))
    for name in SHOWN:
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
        console.print(Styled(f"※ {in_language(lang, note.zh, note.en)}"))
    used = dict.fromkeys(name for row in result.rows for name in row.discrepancies)
    if used:
        words = label("rests_on", lang)
        console.print(Styled(f"※ {words}: {' '.join(used)}"))
