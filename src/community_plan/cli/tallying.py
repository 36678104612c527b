"""Tallying: the commands that count data without judging them, and add counts up."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from glob import glob
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from community_plan import loader
from community_plan.cli.printing import print_notes
from community_plan.cli.program import (
    DEFAULT_PLAN,
    LangOption,
    PlanName,
    UsageError,
    Words,
    app,
    levels_of,
    pairs_of,
)
from community_plan.merging import files_in, merge_tallies
from community_plan.tables import TABLES, open_dataset
from community_plan.tallies import Tally
from community_plan.units import Lang, in_language

__all__ = ["merge", "tally"]

Output = Annotated[Path | None, Parameter(name=["--output", "-o"])]


@app.command
def tally(
    data: Path,
    /,
    *,
    plan: PlanName = DEFAULT_PLAN,
    by: Words = None,
    target: Words = None,
    unit: Words = None,
    reading: Words = None,
    part: Annotated[bool, Parameter(negative=())] = False,
    output: Output = None,
    lang: LangOption = "zh",
) -> int:
    """Add up what a plan's targets need, without judging, and write the sums as JSON.

    Parameters
    ----------
    data:
        A CSV or parquet file of communities, or a folder with communities, facilities, workforce and townships.
    by:
        A level (city, county, township, community) or a column whose sums are kept; several may be given.
    target:
        A target's id, or `main` for the table of main indicators; several may be given. Without it every target.
    unit:
        A column's unit, as COLUMN=UNIT, such as gross_floor_area=亩.
    reading:
        Another reading of a doubtful passage, as ID=READING, such as A02=as-printed.
    part:
        The data hold only a part of the regions; further parts may be merged with it.
    output:
        File to write; without it the sums are printed.
    """
    _check_output(output, _files_of(data))
    counted = loader.load_plan(plan).tally(
        data,
        by=levels_of(by),
        targets=target,
        units=pairs_of(unit, "--unit") or None,
        reading=pairs_of(reading, "--reading"),
        complete=not part,
    )
    return _write(counted, output, lang)


@app.command
def merge(
    tallies: list[Path],
    /,
    *,
    complete: Annotated[bool, Parameter(negative=())] = False,
    output: Output = None,
    lang: LangOption = "zh",
) -> int:
    """Add up tallies of different communities.

    Parameters
    ----------
    tallies:
        Files that `tally` or `merge` wrote, or folders of them.
    complete:
        With these parts every region is whole.
    output:
        File to write; without it the sums are printed.
    """
    files = [file for path in tallies for file in (files_in(path) if path.is_dir() else [path])]
    _check_output(output, files)
    merged = merge_tallies(tallies)
    _tell_alike(files, lang)
    return _write(merged.as_complete() if complete else merged, output, lang)


def _tell_alike(files: Iterable[Path], lang: Lang) -> None:
    """Say which parts hold the same as another file: they add up, but a copy counts its communities twice."""
    earlier: dict[bytes, Path] = {}
    for file in filter(Path.is_file, files):  # what a pipe held has been read
        first = earlier.setdefault(file.read_bytes(), file)
        if first is not file:
            zh = f"{file} 与 {first} 内容相同, 两份都已计入; 如果其中一份是副本, 请去掉"
            en = f"{file} holds the same as {first}, and both are counted: if one is a copy, leave it out"
            sys.stderr.write(f"{in_language(lang, zh, en)}\n")


def _files_of(data: Path) -> list[Path]:
    """Return the files that data are read from: those of a folder, one, or all of a pattern."""
    dataset = open_dataset(data)
    paths: list[Path] = [path for path in (getattr(dataset, name) for name in TABLES) if path is not None]
    return [
        Path(file)
        for path in paths
        for file in ([path] if path.is_file() else glob(str(path), recursive=True))  # noqa: PTH207  # takes absolute patterns
    ]


def _check_output(output: Path | None, inputs: Iterable[Path]) -> None:
    """Refuse to write what is read.

    Raises:
        UsageError: If the output is one of the inputs.
    """
    if output is not None and os.path.realpath(output) in map(os.path.realpath, inputs):
        raise UsageError(f"expected an output that is none of the inputs, got {str(output)!r}")


def _write(counted: Tally, output: Path | None, lang: Lang) -> int:
    if output is None:
        sys.stdout.write(counted.to_json())
    else:
        counted.save(output)
        regions = len(counted.regions) if counted.grouping.levels else 1  # a whole table is one
        targets = len(counted.targets)
        size = {
            "zh": f"{regions} 个区划 · {targets} 个目标",
            "en": f"{regions} region{'' if regions == 1 else 's'} · {targets} target{'' if targets == 1 else 's'}",
        }
        sys.stdout.write(f"{output}: {size[lang]}\n")
    print_notes(counted.notes, lang)
    return 0
