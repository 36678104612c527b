"""Other libraries: OpenFisca, pint and pandera."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..job import Job, agree, group
from ..ten import DisagreementError, compare


@group
def openfisca(job: Job) -> None:
    """OpenFisca-core by county, from the same frame as the library: with and without building the simulation."""
    from .. import by_openfisca, by_pandas, by_polars

    _openfisca(job, "county, pandas", by_pandas.read(job.paths()), by_openfisca.from_pandas)
    _openfisca(job, "county, polars", by_polars.read(job.paths()), by_openfisca.from_polars)


def _openfisca(job: Job, case: str, frame: Any, members: Callable[[Any], Any]) -> None:
    from .. import by_openfisca, library

    system = by_openfisca.system()
    built = by_openfisca.build(system, members(frame))
    read = {"tolerance": by_openfisca.TOLERANCE}
    job.race(
        case,
        {
            "library": lambda: library.evaluate(frame, "county"),
            "build and compute": lambda: by_openfisca.compute(by_openfisca.build(system, members(frame))),
            "compute alone": lambda: by_openfisca.compute(by_openfisca.forget(built)),
        },
        agree("county", {
            name: (lambda result, _: by_openfisca.read_answers(result), read)
            for name in ("build and compute", "compute alone")
        }),
        notes=dict.fromkeys(("build and compute", "compute alone"), "32-bit floats"),
    )  # fmt: skip


@group
def pint(job: Job) -> None:
    """pint quantities on objects, in a loop."""
    from .. import by_pint, by_polars, library

    frame = by_polars.read(job.paths())
    rows = frame.select(by_pint.FIELDS).to_dicts()
    few = rows[:5_000]
    part = frame.head(len(few))

    def check(found: Mapping[str, Any]) -> None:
        if "pint loop" in found:
            compare(library.answers(library.evaluate(part, "county")), found["pint loop"])

    found = job.race(
        "county, 5,000 rows",
        {"library": lambda: library.evaluate(part, "county"), "pint loop": lambda: by_pint.evaluate(few)},
        check,
    )
    whole = job.race("county", {"library": lambda: library.evaluate(frame, "county")})
    loop = found["pint loop"]
    if loop.error is None and whole["library"].error is None:
        job.write(
            "county",
            "pint loop",
            seconds=loop.median / len(few) * len(rows),
            note=f"extrapolated: {loop.median / len(few) * 1e6:.0f} µs a row, measured on {len(few):,} rows",
        )


@group
def pandera(job: Job) -> None:
    """pandera's row checks against a whole evaluation with its checks, on good data and on bad."""
    from community_plan import DataError

    from .. import by_pandera, by_polars, library

    frame = by_polars.read(job.paths())
    bad = by_pandera.with_faults(frame)

    def refuse() -> int:
        try:
            library.evaluate(bad)
        except DataError as error:
            return len(error.faults)
        raise AssertionError("bad data were not refused")

    def none(found: Mapping[str, Any]) -> None:
        if found.get("pandera"):
            raise DisagreementError(f"pandera finds {found['pandera']} faults in good data")

    def some(found: Mapping[str, Any]) -> None:
        if any(not count for count in found.values()):
            raise DisagreementError("no fault found in bad data")

    note = {"library": "checks and evaluates"}
    job.race(
        "good data",
        {"library": lambda: library.evaluate(frame), "pandera": lambda: by_pandera.check(frame)},
        none,
        notes=note,
    )
    job.race("1% of the rows bad", {"library": refuse, "pandera": lambda: by_pandera.check(bad)}, some)
