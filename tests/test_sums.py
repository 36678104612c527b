"""What is taken apart adds up to what it was, row by row; and what is missing may be anything."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import attrs
from hypothesis import example, given
from hypothesis import strategies as st

import community_plan as cp
from community_plan import expressions as ex
from community_plan.measures import AllOf, AnyOf, AtLeast, Compare, Is, measure_unit, variables_of
from community_plan.programs import compile_program
from community_plan.sums import Basis
from community_plan.units import DIMENSIONLESS
from community_plan.verdicts import estimate, scale_of

PLAN = cp.load_plan("shangqiu-14fyp")
VARIABLES = PLAN.variables
Row = Mapping[str, int]
Meant = tuple[Any, Callable[[Row], int]]
"""An expression, with what it says of a row in plain Python."""

AMOUNTS, CATEGORIES = ("area", "people"), ("setting", "kind")
SIZES = {"kind": 3}
OPS: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge, ">": operator.gt, "<=": operator.le, "<": operator.lt, "=": operator.eq
}  # fmt: skip


def worked_out(node: ex.Int | ex.Bool, row: Row) -> int:
    """Return what an expression is in a row; a missing amount is 0, a missing category none."""
    match node:
        case ex.Lit() | ex.Const():
            return node.value
        case ex.Col():
            return max(0, row[node.name])
        case ex.Known():
            return row[node.name] >= 0
        case ex.In():
            return row[node.name] in node.values
        case ex.Scale():
            return node.factor * worked_out(node.term, row)
        case ex.Add():
            return sum(worked_out(term, row) for term in node.terms)
        case ex.When():
            return worked_out(node.term, row) if worked_out(node.condition, row) else 0
        case ex.Cmp():
            return OPS[node.op](worked_out(node.left, row), worked_out(node.right, row))
        case ex.And():
            return all(worked_out(part, row) for part in node.parts)
        case ex.Or():
            return any(worked_out(part, row) for part in node.parts)
        case ex.Not():
            return not worked_out(node.part, row)


def said(node: ex.Int | ex.Bool) -> Meant:
    """Return a leaf with its meaning."""
    return node, lambda row: worked_out(node, row)


def held(left: Meant, op: ex.Op, right: Meant) -> Meant:
    """Return a comparison of two numbers."""
    return ex.compare(left[0], op, right[0]), lambda row: OPS[op](left[1](row), right[1](row))


def where(condition: Meant, number: Meant) -> Meant:
    """Return a number where a condition holds."""
    return ex.when(condition[0], number[0]), lambda row: number[1](row) if condition[1](row) else 0


def both(parts: list[Meant]) -> Meant:
    """Return all of some conditions."""
    return ex.conjunction(node for node, _ in parts), lambda row: all(part(row) for _, part in parts)


def either(parts: list[Meant]) -> Meant:
    """Return one or more of some conditions."""
    return ex.disjunction(node for node, _ in parts), lambda row: any(part(row) for _, part in parts)


def no(part: Meant) -> Meant:
    """Return the opposite."""
    return ex.negation(part[0]), lambda row: not part[1](row)


def added(terms: list[Meant]) -> Meant:
    """Return a sum within the row."""
    return ex.add(node for node, _ in terms), lambda row: sum(term(row) for _, term in terms)


def times(factor: int, term: Meant) -> Meant:
    """Return a multiple."""
    return ex.scale(factor, term[0]), lambda row: factor * term[1](row)


CELLS = st.sampled_from([*map(ex.Col, AMOUNTS), ex.Lit(0), ex.Lit(1), ex.Lit(2)]).map(said)
MEMBERS = st.builds(ex.In, st.sampled_from(CATEGORIES), st.sets(st.integers(0, 2), min_size=1).map(sorted).map(tuple))
TESTS = st.one_of(
    st.sampled_from([ex.TRUE, ex.FALSE, *map(ex.Known, (*AMOUNTS, "setting"))]).map(said),
    MEMBERS.map(said),
    st.builds(held, CELLS, st.sampled_from(sorted(OPS)), CELLS),
    st.builds(held, st.builds(where, MEMBERS.map(said), CELLS), st.sampled_from(sorted(OPS)), CELLS),
)
CONDITIONS = st.recursive(
    TESTS,
    lambda inner: st.one_of(
        inner.map(no), st.lists(inner, max_size=4).map(both), st.lists(inner, max_size=4).map(either)
    ),
    max_leaves=12,
)
FEATURES = st.recursive(
    CELLS,
    lambda inner: st.one_of(
        st.builds(where, CONDITIONS, inner), st.lists(inner, max_size=3).map(added),
        st.builds(times, st.integers(-2, 2), inner),
    ),
    max_leaves=5,
)  # fmt: skip
ROWS = st.lists(
    st.fixed_dictionaries({
        **dict.fromkeys(AMOUNTS, st.integers(-1, 3)), "setting": st.integers(-1, 2), "kind": st.integers(0, 2)
    }),
    max_size=6,
)  # fmt: skip
ALL = [{"area": a, "people": p, "setting": s, "kind": k} for a in (-1, 0, 2) for p in (-1, 1) for s in (-1, 0, 2) for k in (0, 1, 2)]  # fmt: skip  # noqa: E501
MANY = both([no(either([no(said(ex.Known("area"))), no(said(ex.In("setting", (at,))))])) for at in (0, 2)] * 3)


@given(st.lists(FEATURES, min_size=1, max_size=4), ROWS)
@example([where(MANY, said(ex.Col("area")))], ALL)
def test_parts_add_up_to_the_features_that_were_taken_apart(features: list[Meant], rows: list[Row]) -> None:
    """Simplified, multiplied out and shared among features, they are still what was meant."""
    basis = Basis.of([node for node, _ in features], SIZES)
    sums = [sum(worked_out(part, row) for row in rows) for part in basis.parts]
    assert basis.features(sums) == tuple(sum(meant(row) for row in rows) for _, meant in features)
    for place in basis.sparse:
        full = [row for row in rows if all(cell >= 0 for cell in row.values())]
        assert sum(worked_out(basis.parts[place], row) for row in full) == 0


@given(CONDITIONS, FEATURES)
def test_an_expression_reads_the_columns_it_depends_on_and_no_other(condition: Meant, feature: Meant) -> None:
    """A column that is not named changes nothing."""
    node, meant = where(condition, feature)
    names = ex.columns_of(node)
    assert names <= {*AMOUNTS, *CATEGORIES}
    for row in ALL:
        others = {name: cell if name in names else ALL[0][name] for name, cell in row.items()}
        assert meant(row) == worked_out(node, row) == worked_out(node, others)


def compared(above: str, op: cp.Comparator, value: str, below: str = "") -> Compare:
    """Return a condition on one amount, or on one over another."""
    return Compare(numerator=(above,), denominator=(below,) if below else (), comparator=op, value=cp.quantity(value))


KNOWN = st.sampled_from(
    [
        Is(variable="setting", values=("urban",)),
        compared("residents", cp.Comparator.MORE_THAN, "2 人"),
        compared("social_workers", cp.Comparator.AT_LEAST, "1 人"),
        compared("social_workers", cp.Comparator.LESS_THAN, "2 人"),
        compared("urban_residents", cp.Comparator.AT_MOST, "50 %", "residents"),
        compared("social_workers", cp.Comparator.EQUAL, "500 ‰", "residents"),
    ]
)


def joined(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return all, one, or some of a few conditions."""
    few = st.lists(inner, min_size=1, max_size=3).map(tuple)
    some = st.builds(
        lambda parts, count: AtLeast(count=min(count, len(parts)), conditions=parts), few, st.integers(1, 3)
    )
    return st.builds(AllOf, conditions=few) | st.builds(AnyOf, conditions=few) | some


ASKED = joined(KNOWN | joined(KNOWN))
SCOPES = st.sampled_from([(), (Is(variable="setting", values=("rural",)),)])
SUMS = [
    *(cp.Total(of=of) for of in (("residents",), ("residents", "urban_residents"))),
    *(
        cp.Ratio(numerator=above, denominator=below)
        for above in (("urban_residents",), ("social_workers",), ("residents", "urban_residents"))
        for below in (("residents",), ("communities",), ("residents", "urban_residents"))
    ),
]
TOLD = ("residents", "urban_residents", "social_workers", "setting")
BLANK = st.lists(st.sets(st.sampled_from(TOLD), max_size=2), min_size=4, max_size=4)
PLACES = st.lists(
    st.tuples(st.integers(1, 4), st.integers(0, 4), st.integers(0, 3), st.sampled_from(["urban", "rural"])).map(
        lambda cells: {"residents": cells[0], "urban_residents": min(cells[:2]), "social_workers": cells[2],
                       "setting": cells[3], "communities": 1}
    ),
    min_size=1, max_size=4,
)  # fmt: skip


def holds(condition: Any, place: Mapping[str, Any]) -> bool:
    """Say whether a community of which all is known satisfies a condition."""
    match condition:
        case Is():
            return place[condition.variable] in condition.values
        case Compare():
            value = Fraction(place[condition.numerator[0]])
            for name in condition.denominator:
                value /= place[name]
            limit = condition.value.value_in(DIMENSIONLESS if condition.denominator else "人")
            return bool(OPS[condition.comparator.value](value, limit))
        case AllOf():
            return all(holds(part, place) for part in condition.conditions)
        case AnyOf():
            return any(holds(part, place) for part in condition.conditions)
        case _:
            return sum(holds(part, place) for part in condition.conditions) >= condition.count


def counted(measure: Any, places: list[dict[str, Any]]) -> Fraction | None:
    """Return the value of a measure where all is known, as its definition has it."""
    inside = [place for place in places if all(holds(test, place) for test in measure.where)]
    match measure:
        case cp.Total():
            return Fraction(sum(place[name] for place in inside for name in measure.of)) if inside else None
        case cp.Ratio():
            below = sum(place[name] for place in inside for name in measure.denominator)
            above = sum(place[name] for place in inside for name in measure.numerator)
            return Fraction(above, below) if below else None
    true = sum(holds(measure.condition, place) for place in inside)
    return Fraction(true) if isinstance(measure, cp.Count) else Fraction(true, len(inside)) if inside else None


@given(st.lists(ASKED, min_size=2, max_size=3), SCOPES, PLACES, BLANK)
def test_whatever_is_not_told_the_value_lies_within_the_bounds(
    asked: list[Any], where: tuple[Is, ...], places: list[dict[str, Any]], blank: list[set[str]]
) -> None:
    """With every cell told the bounds are the value; with some hidden they hold it, whatever the cells were."""
    kinds = [kind(condition=condition) for condition in asked for kind in (cp.Share, cp.Count)]
    measures = [attrs.evolve(measure, where=where) for measure in (*SUMS, *kinds)]
    words = {word: VARIABLES["setting"].number_of(word) for word in ("urban", "rural")}
    for hidden_cells in ([set()] * len(places), blank[: len(places)]):
        hidden = set().union(*hidden_cells)
        rows = [
            {name: -1 if name in unknown else words.get(place[name], place[name]) for name in TOLD}
            for place, unknown in zip(places, hidden_cells, strict=True)
        ]
        program = compile_program(measures, VARIABLES, nullable=hidden)
        sums = tuple(sum(worked_out(feature, row) for row in rows) for feature in program.features)
        for number, measure in enumerate(measures):
            indicator = attrs.evolve(PLAN.indicators["urban-facility-coverage"], unit=measure_unit(measure, VARIABLES))
            found = estimate(program.slots(number, sums), measure, scale_of(indicator, measure, VARIABLES))
            value = counted(measure, places)
            if found.value is not None:
                assert found.value == found.numerator / found.quantum * found.step
                assert 0 < found.reporting_share <= 1 if found.reporting_share is not None else value == 0
            if hidden.isdisjoint(variables_of(measure)):
                assert found.value == value
                if value is not None:
                    assert found.lower == value == found.upper
            elif found.value is not None and value is not None:
                assert found.lower is not None
                assert found.lower <= value
                assert found.upper is None or value <= found.upper
