"""Timing: contenders measured in turns (A B A B …) in one process, and memory at its peak."""

from __future__ import annotations

import gc
import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LEAST_REPEATS, MOST_REPEATS = 3, 31
MOST_IN_A_LOOP = 300
"""Calls of one contender by itself."""
OFTEN = 20
"""Calls that do not count, where they are quick: what is done to few rows is compiled after some of them."""
QUICK = 1.0
"""Seconds that such a call takes at most."""
LONG = 5.0
"""Seconds of a call after which it needs no more warming up, and is not repeated beyond the budget."""


@dataclass
class Timed:
    """What was measured of one contender."""

    seconds: list[float] = field(default_factory=list)
    first: float = 0.0
    """Time of the last call before those that count; it counts itself if there is no other."""
    error: str | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def spread(self) -> tuple[float, float]:
        """Quartiles."""
        if len(self.seconds) < 2:
            return self.median, self.median
        low, _, high = statistics.quantiles(self.seconds, n=4, method="inclusive")
        return low, high


def in_turns(
    contenders: Mapping[str, Callable[[], Any]],
    budget: float,
    *,
    warm: int = 2,
    check: Callable[[dict[str, Any]], None] | None = None,
) -> dict[str, Timed]:
    """Call every contender `warm` times first, quick ones more often, then all in turns for about `budget` seconds.

    The first call imports. Every contender gets three calls that count, unless one takes so long (`LONG`) that its
    last call before is all there is. One that fails keeps its error and drops out.
    More than two are asked for where a virtual machine compiles what it runs often: there long calls get them, too.
    `check` looks at what the first calls returned, before any time counts.
    """
    found = {name: Timed() for name in contenders}
    answers: dict[str, Any] = {}
    for again in range(max(warm, OFTEN)):
        for name, call in contenders.items():
            needs_more = again < warm and (found[name].first < LONG or warm > 2)
            if found[name].error is None and (needs_more or (again and found[name].first < QUICK)):
                found[name].first, answer, found[name].error = _call(call)
                if check is not None and not again and found[name].error is None:
                    answers[name] = answer
                answer = None
        if check is not None and not again:
            check(answers)
            answers.clear()
    share = budget / max(1, len(contenders))
    wanted = {}
    for name, timed in found.items():
        if timed.error is None:
            fitting = min(MOST_REPEATS, int(share / (timed.first + 1e-9)))
            wanted[name] = max(fitting, LEAST_REPEATS if timed.first < LONG else 0)
    for turn in range(max(wanted.values(), default=0)):
        for name, count in wanted.items():
            timed = found[name]
            if turn < count and timed.error is None:
                seconds, _, timed.error = _call(contenders[name])
                if timed.error is None:
                    timed.seconds.append(seconds)
    for timed in found.values():
        if not timed.seconds and timed.error is None:
            timed.seconds.append(timed.first)
    return found


def in_a_loop(call: Callable[[], Any], budget: float) -> Timed:
    """Call one again and again for about `budget` seconds, as a service does: nothing comes between its calls."""
    found = Timed()
    for _ in range(OFTEN):
        found.first, _, found.error = _call(call)
        if found.error is not None:
            return found
    end = time.perf_counter() + budget
    while not found.seconds or (len(found.seconds) < MOST_IN_A_LOOP and time.perf_counter() < end):
        start = time.perf_counter()
        call()
        found.seconds.append(time.perf_counter() - start)
    return found


def _call(call: Callable[[], Any]) -> tuple[float, Any, str | None]:
    gc.collect()
    start = time.perf_counter()
    try:
        answer, error = call(), None
    except Exception as fault:  # one contender's failure is a line of the report, not the end of the run
        answer, error = None, describe(fault)
    return time.perf_counter() - start, answer, error


def describe(fault: BaseException) -> str:
    """Return the first line of an error, short enough for a table."""
    first = (str(fault).strip() or type(fault).__name__).splitlines()[0]
    return f"{type(fault).__name__}: {first}"[:160]


def resident() -> int:
    """Return the bytes this process holds in memory now."""
    return _status("VmRSS")


def reset_peak() -> bool:
    """Start the peak anew; False where the system cannot."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def peak() -> int:
    """Return the most bytes this process held since its start or since `reset_peak`."""
    try:
        return _status("VmHWM")
    except OSError:
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _status(key: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{key}:"))
