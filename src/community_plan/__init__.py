"""Exact evaluation of community-service plans: a typed domain, a registry of targets, one verdict for all.

The modules in reading order, which is that of the layers in `pyproject.toml` from the bottom up. The registry:
`errors` › `units` › `sources` › `regions` › `labels` › `variables` › `domain` › `measures` › `targets` ›
`commitments` › `text_files` › `toml_files` › `json_files` › `documents`. The evaluation: `expressions` › `sums` ›
`programs` › `verdicts` › `judging` › `entry` › `grouping` › `columns` › `frames` › `csv_lines` › `tables` ›
`headers` › `assembly` › `prepared` › `tallies` › `tally_files` › `merging`. Plans, which bring the two together:
`plan` › `plan_files` › `plan_checks` › `meaning_checks` › `loader` › `compare` › `results` › `ledger` ›
`counting` › `evaluation`. On top: `sample`, `export`, `schema` and `cli`.
"""

from community_plan.compare import compare_plans as compare_plans
from community_plan.domain import Community as Community
from community_plan.domain import Facility as Facility
from community_plan.domain import Township as Township
from community_plan.domain import Workforce as Workforce
from community_plan.errors import CommunityPlanError as CommunityPlanError
from community_plan.errors import DataError as DataError
from community_plan.errors import DataFaults as DataFaults
from community_plan.errors import DimensionError as DimensionError
from community_plan.errors import NotFoundError as NotFoundError
from community_plan.errors import PlanError as PlanError
from community_plan.errors import PlanFaults as PlanFaults
from community_plan.errors import QuantityTextError as QuantityTextError
from community_plan.errors import UnknownUnitError as UnknownUnitError
from community_plan.export import export_plan as export_plan
from community_plan.ledger import Evidence as Evidence
from community_plan.loader import available_plans as available_plans
from community_plan.loader import bundled_plans as bundled_plans
from community_plan.loader import check_plan as check_plan
from community_plan.loader import load_plan as load_plan
from community_plan.measures import Comparator as Comparator
from community_plan.measures import Count as Count
from community_plan.measures import Ratio as Ratio
from community_plan.measures import Share as Share
from community_plan.measures import Total as Total
from community_plan.merging import merge_tallies as merge_tallies
from community_plan.plan import Plan as Plan
from community_plan.prepared import Prepared as Prepared
from community_plan.regions import Region as Region
from community_plan.schema import json_schemas as json_schemas
from community_plan.sources import Citation as Citation
from community_plan.sources import Discrepancy as Discrepancy
from community_plan.tables import Dataset as Dataset
from community_plan.tallies import Tally as Tally
from community_plan.targets import Indicator as Indicator
from community_plan.targets import Target as Target
from community_plan.units import Quantity as Quantity
from community_plan.units import Unit as Unit
from community_plan.units import known_units as known_units
from community_plan.units import quantity as quantity
from community_plan.variables import Variable as Variable
from community_plan.verdicts import Verdict as Verdict

__version__ = "0.1.0"
__all__ = [
    "Citation",
    "Community",
    "CommunityPlanError",
    "Comparator",
    "Count",
    "DataError",
    "DataFaults",
    "Dataset",
    "DimensionError",
    "Discrepancy",
    "Evidence",
    "Facility",
    "Indicator",
    "NotFoundError",
    "Plan",
    "PlanError",
    "PlanFaults",
    "Prepared",
    "Quantity",
    "QuantityTextError",
    "Ratio",
    "Region",
    "Share",
    "Tally",
    "Target",
    "Total",
    "Township",
    "Unit",
    "UnknownUnitError",
    "Variable",
    "Verdict",
    "Workforce",
    "available_plans",
    "bundled_plans",
    "check_plan",
    "compare_plans",
    "export_plan",
    "json_schemas",
    "known_units",
    "load_plan",
    "merge_tallies",
    "quantity",
]
