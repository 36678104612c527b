"""OpenFisca-core: a tax-benefit system whose households are counties and whose members are communities.

It computes in 32-bit floats, as OpenFisca does; an empty cell is a NaN, which the formulas leave out in pairs.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import polars as pl
from openfisca_core.entities import Entity, GroupEntity
from openfisca_core.periods import DateUnit
from openfisca_core.simulations import Simulation, SimulationBuilder
from openfisca_core.taxbenefitsystems import TaxBenefitSystem
from openfisca_core.variables import Variable

from .ten import TEN, VALUES, Answers

PERIOD = "2025"
TOLERANCE = 1e-4
INPUTS = ("households", "residents", "urban_residents", "gross_floor_area", "comprehensive_service_count",
          "comprehensive_service_area", "activity_area", "commercial_area", "self_service_terminal_count",
          "community_workers", "social_workers")  # fmt: skip
MASKS = ("rural", "urban", "district", "county_or_city")

COMMUNITY = Entity("community", "communities", "A community", "")
COUNTY = GroupEntity("county", "counties", "A county", "", roles=[{"key": "member", "plural": "members"}])


def _input(name: str, kind: type) -> type[Variable]:
    return type(name, (Variable,), {
        "value_type": kind, "entity": COMMUNITY, "definition_period": DateUnit.YEAR, "label": name,
    })  # fmt: skip


def _ratio(above: tuple[str, ...], below: str, scale: float) -> Any:
    def formula(county: Any, period: Any) -> Any:
        numerator = sum(county.members(name, period) for name in above)
        denominator = county.members(below, period)
        known = ~np.isnan(numerator + denominator)
        pairs = county.sum(np.where(known, numerator, 0)), county.sum(np.where(known, denominator, 0))
        return scale * pairs[0] / pairs[1]

    return formula


def _share(mask: str, count: str) -> Any:
    def formula(county: Any, period: Any) -> Any:
        found, inside = county.members(count, period), county.members(mask, period)
        known = inside & ~np.isnan(found)
        return 100 * county.sum(known & (found >= 1)) / county.sum(known)

    return formula


def _mean(mask: str) -> Any:
    def formula(county: Any, period: Any) -> Any:
        workers = county.members("social_workers", period)
        known = county.members(mask, period) & ~np.isnan(workers)
        return county.sum(np.where(known, workers, 0)) / county.sum(known)

    return formula


FORMULAS = (
    _share("rural", "comprehensive_service_count"),
    _share("urban", "comprehensive_service_count"),
    _ratio(("commercial_area", "comprehensive_service_area"), "gross_floor_area", 100),
    _ratio(("comprehensive_service_area",), "households", 100),
    _ratio(("activity_area",), "comprehensive_service_area", 100),
    _share("urban", "self_service_terminal_count"),
    _ratio(("social_workers",), "residents", 1000),
    _mean("district"),
    _mean("county_or_city"),
    _ratio(("community_workers",), "urban_residents", 10_000),
)


def system() -> TaxBenefitSystem:
    made = TaxBenefitSystem([COMMUNITY, COUNTY])
    made.add_variables(*(_input(name, float) for name in INPUTS), *(_input(name, bool) for name in MASKS))
    for name, formula in zip(VALUES, FORMULAS, strict=True):
        made.add_variable(type(name, (Variable,), {
            "value_type": float, "entity": COUNTY, "definition_period": DateUnit.YEAR, "label": name,
            "formula": formula,
        }))  # fmt: skip
    return made


class Members(NamedTuple):
    """What a simulation is built from, as arrays."""

    names: Any
    """The counties."""
    numbers: Any
    """Which of them each community lies in."""
    inputs: dict[str, Any]
    masks: dict[str, Any]


def from_pandas(frame: pd.DataFrame) -> Members:
    numbers, names = pd.factorize(frame["county"])
    setting, kind = frame["setting"], frame["county_kind"]
    masks = (setting == "rural", setting == "urban", kind == "district", kind.isin(["county", "county_city"]))
    return Members(
        names,
        numbers,
        {name: frame[name].to_numpy(dtype="float32", na_value=np.nan) for name in INPUTS},
        {name: mask.to_numpy(dtype=bool) for name, mask in zip(MASKS, masks, strict=True)},
    )


def from_polars(frame: pl.DataFrame) -> Members:
    names = frame["county"].unique(maintain_order=True)
    setting, kind = pl.col("setting"), pl.col("county_kind")
    masks = (setting == "rural", setting == "urban", kind == "district", (kind == "county") | (kind == "county_city"))
    arrays = frame.select(
        pl.col(INPUTS).cast(pl.Float32).fill_null(float("nan")),
        *(mask.alias(name) for name, mask in zip(MASKS, masks, strict=True)),
        county=pl.col("county").cast(pl.Enum(names)).to_physical(),
    )
    return Members(
        names.to_numpy(),
        arrays["county"].to_numpy(),
        {name: arrays[name].to_numpy() for name in INPUTS},
        {name: arrays[name].to_numpy() for name in MASKS},
    )


def build(made: TaxBenefitSystem, members: Members) -> Simulation:
    """Build the simulation: entities, who belongs to whom, and the inputs."""
    builder = SimulationBuilder()
    builder.create_entities(made)
    builder.declare_person_entity("community", np.arange(len(members.numbers)))
    counties = builder.declare_entity("county", np.asarray(members.names, dtype=str))
    counties.members_entity_id = members.numbers  # what `join_with_persons` works out from texts, more slowly
    counties.members_role = np.full(len(members.numbers), COUNTY.flattened_roles[0])
    simulation = builder.build(made)
    for name, values in {**members.inputs, **members.masks}.items():
        simulation.set_input(name, PERIOD, values)
    return simulation


def compute(simulation: Simulation) -> dict[str, Any]:
    with np.errstate(divide="ignore", invalid="ignore"):
        values = {name: simulation.calculate(name, PERIOD) for name in VALUES}
    compared = {
        f"m{number}": values[f"v{number}"] > row.target if row.op == ">" else values[f"v{number}"] >= row.target
        for number, row in enumerate(TEN, start=1)
    }
    return {"county": simulation.populations["county"].ids, **values, **compared}


def forget(simulation: Simulation) -> Simulation:
    """Drop what was computed, so that it is computed again."""
    for name in VALUES:
        simulation.delete_arrays(name)
    return simulation


def read_answers(result: dict[str, Any]) -> Answers:
    from .ten import answers

    return answers({name: list(column) for name, column in result.items()}, "county")
