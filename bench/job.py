"""Job: what one process of measurements does, how contenders race in it, and where what came out is written."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .data import Spec, dataset
from .ten import DisagreementError, compare
from .timing import Timed, describe, in_a_loop, in_turns


@dataclass(frozen=True)
class Job:
    """What one worker does."""

    group: str
    rows: int
    budget: float
    """Seconds for the repeats of each case."""
    out: str
    cache: str
    case: str | None = None
    """For memory: the one thing that this process does."""
    without: tuple[str, ...] = ()
    """Packages that are taken for not installed."""
    prepared: bool = False
    """Whether the library reads and checks the data once, before the clock starts (`plan.prepare`)."""

    @property
    def title(self) -> str:
        return " ".join([self.group, *["prepared"] * self.prepared, *(f"without {name}" for name in self.without)])

    def asked(self, data: Any) -> Any:
        """Return what the library is asked about: the data as they are, or prepared."""
        from . import library

        return library.ready(data) if self.prepared else data

    def paths(self, **options: Any) -> list[str]:
        spec = Spec(**{"communities": self.rows, **options})
        return [str(path) for path in sorted(dataset(spec, Path(self.cache)).glob("*.parquet"))]

    def write(self, case: str, contender: str, **facts: Any) -> None:
        if facts.get("error"):  # where somebody keeps the data is nobody else's business
            facts["error"] = facts["error"].replace(self.cache, "bench/cache")
        line = {"group": self.title, "rows": self.rows, "case": case, "contender": contender, **facts}
        with Path(self.out).open("a", encoding="utf-8") as out:
            out.write(json.dumps(line, ensure_ascii=False) + "\n")

    def race(
        self,
        case: str,
        contenders: Mapping[str, Callable[[], Any]],
        check: Callable[[Mapping[str, Any]], None] | None = None,
        notes: Mapping[str, str] | None = None,
        *,
        warm: int = 2,
    ) -> dict[str, Timed]:
        """Time contenders in turns, check that they did the same work, and write down what came out."""
        disagreement: list[str] = []

        def checked(answers: Mapping[str, Any]) -> None:
            try:
                if check is not None:
                    check(answers)
            except Exception as fault:  # nothing may end the run; whatever it is, it is told
                disagreement.append(describe(fault))

        found = in_turns(contenders, self.budget, warm=warm, check=checked if check is not None else None)
        for name, timed in found.items():
            facts: dict[str, Any] = {}
            if notes and name in notes:
                facts["note"] = notes[name]
            if disagreement:
                facts["disagreement"] = disagreement[0]
            self._write_timed(case, name, timed, **facts)
        return found

    def repeat(self, case: str, contender: str, call: Callable[[], Any]) -> None:
        """Time one contender by itself, call after call."""
        self._write_timed(case, contender, in_a_loop(call, self.budget))

    def _write_timed(self, case: str, contender: str, timed: Timed, **facts: Any) -> None:
        facts["error"] = timed.error
        if timed.error is None:
            low, high = timed.spread
            facts |= {"seconds": timed.median, "low": low, "high": high, "repeats": len(timed.seconds)}
        self.write(case, contender, **facts)


GROUPS: dict[str, Callable[[Job], None]] = {}


def group(function: Callable[[Job], None]) -> Callable[[Job], None]:
    GROUPS[function.__name__] = function
    return function


MOST_COMPARED = 100_000
"""Regions that are compared: to read more of them into Python takes minutes."""


def agree(
    by: Any, readers: Mapping[str, tuple[Callable[[Any, Any], Any], dict[str, Any]]], *, rows: int = 0
) -> Callable[..., None] | None:
    """Return a check that contenders found the values of the library; None where there are too many.

    Args:
        by: What the results are by.
        readers: For each contender how its result is read.
        rows: Communities, of which about sixteen are in a township.
    """
    from . import library

    if by == "township" and rows > 16 * MOST_COMPARED:
        return None

    def check(found: Mapping[str, Any]) -> None:
        if "library" not in found:
            return
        truth = library.answers(found["library"])
        for name, (read, how) in readers.items():
            if name in found:
                try:
                    compare(truth, read(found[name], by), **how)
                except DisagreementError as fault:
                    raise DisagreementError(f"{name}: {fault}") from fault

    return check


def case_of(job: Job) -> tuple[str, str]:
    """Return the case and the contender of a job, as they stand in its lines."""
    if job.case is None:
        return "whole group", "—"
    before, _, after = job.case.partition("/")
    return (before, after) if after else ("county", before)
