"""Law: features taken apart and put together again are the features, whatever is missing."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from community_plan.columns import ColumnTable
from community_plan.expressions import (
    Bool,
    Cmp,
    Col,
    In,
    Int,
    Known,
    Lit,
    add,
    compare,
    conjunction,
    disjunction,
    negation,
    scale,
    when,
)
from community_plan.sums import Basis

AMOUNTS = ("area", "households", "workers")
KINDS = {"setting": 2, "county_kind": 3}
OPERATORS = st.sampled_from([">=", ">", "<=", "<", "="])

columns = st.sampled_from(AMOUNTS).map(Col)
members = st.one_of(
    *(
        st.sets(st.integers(0, size - 1), min_size=1).map(lambda some, name=name: In(name, tuple(sorted(some))))
        for name, size in KINDS.items()
    )
)
atoms: st.SearchStrategy[Bool] = st.one_of(
    st.sampled_from([*AMOUNTS, *KINDS]).map(Known),
    members,
    st.builds(Cmp, columns, OPERATORS, st.integers(0, 3).map(Lit)),
    st.builds(lambda left, op, right: compare(left, op, scale(3, right)), columns, OPERATORS, columns),
)
conditions: st.SearchStrategy[Bool] = st.recursive(
    atoms,
    lambda inner: st.one_of(
        inner.map(negation),
        st.lists(inner, min_size=1, max_size=4).map(conjunction),
        st.lists(inner, min_size=1, max_size=3).map(disjunction),
    ),
    max_leaves=8,
)
numbers: st.SearchStrategy[Int] = st.recursive(
    st.one_of(columns, st.integers(0, 3).map(Lit)),
    lambda inner: st.one_of(
        st.builds(when, conditions, inner),
        st.lists(inner, min_size=1, max_size=3).map(add),
        st.builds(scale, st.integers(-2, 4), inner),
    ),
    max_leaves=6,
)


@st.composite
def tables(draw: st.DrawFn) -> tuple[ColumnTable, dict[str, int]]:
    """Draw a table, and the categories of it that are known in every row."""
    rows = draw(st.integers(1, 6))
    some = {name: draw(st.booleans()) for name in (*AMOUNTS, *KINDS)}

    def cells(name: str, most: int) -> list[Any]:
        cell = st.integers(0, most)
        return draw(st.lists(st.none() | cell if some[name] else cell, min_size=rows, max_size=rows))

    amounts = {name: cells(name, 4) for name in AMOUNTS} | {name: cells(name, n - 1) for name, n in KINDS.items()}
    full = {name: size for name, size in KINDS.items() if None not in amounts[name]}
    return ColumnTable(rows=rows, amounts=amounts, labels={}), full


@given(tables(), st.lists(numbers, min_size=1, max_size=4))
def test_parts_add_up_to_the_features(table: tuple[ColumnTable, dict[str, int]], features: list[Int]) -> None:
    """Also negated conditions, categories that fill up a whole, and missing cells."""
    data, full = table
    basis = Basis.of(features, full)
    ((_, whole),) = data.sums([], features)
    parts = dict(data.sums([], basis.parts)).get((), ()) if basis.parts else ()
    assert basis.features(parts) == whole


@given(tables(), st.lists(numbers, min_size=1, max_size=4))
def test_only_rows_that_miss_something_add_to_a_sparse_part(
    table: tuple[ColumnTable, dict[str, int]], features: list[Int]
) -> None:
    """So an engine may leave all other rows out."""
    data, full = table
    basis = Basis.of(features, full)
    gaps = [any(cells[row] is None for cells in data.amounts.values()) for row in range(data.rows)]
    amounts = {
        name: [cell for cell, gap in zip(cells, gaps, strict=True) if not gap] for name, cells in data.amounts.items()
    }
    rest = ColumnTable(rows=gaps.count(False), amounts=amounts, labels={})
    sparse = [basis.parts[place] for place in sorted(basis.sparse)]
    assert all(total == 0 for _, totals in rest.sums([], sparse) for total in totals)
