"""Steps may write into the memory of what they read: that changes nothing of what they give."""

from __future__ import annotations

from typing import Any

import pytest

np = pytest.importorskip("numpy")
pytest.importorskip("nanoarrow")

from community_plan.frames import array_cells, keyed  # noqa: E402
from community_plan.frames.kernels import Builder, Operation  # noqa: E402

TRUTHS = (np.array([True, True, False, False, True]), np.array([False, True, False, True, True]))
NUMBERS = (np.array([3, 0, 7, 7, 2]), np.array([0, 0, 7, 1, 2]))


def run(operation: Operation, arguments: tuple[Any, ...], kinds: tuple[str, ...]) -> Any:
    """Return what a kernel gives whose step reads registers that nobody reads afterwards."""
    builder = Builder()
    copy = {kind: Operation(lambda cells, out=None: np.copyto(out, cells) or out, kind) for kind in set(kinds)}
    registers = [
        builder.emit(copy[kind], builder.input(f"c{place}", "values", kind)) for place, kind in enumerate(kinds)
    ]
    kernel = builder.kernel([builder.emit(operation, *registers)])
    found: list[Any] = []
    columns = {(f"c{place}", "values"): cells for place, cells in enumerate(arguments)}
    kernel.over(
        0, 5, lambda start, stop: iter([(start, stop, columns)]), lambda *_: lambda _, made: found.append(made.copy())
    )
    return found[0].tolist()


def test_a_verdict_is_what_its_two_conditions_say() -> None:
    """Whichever of the two lends its memory."""
    yes, no = TRUTHS[0], TRUTHS[1] & ~TRUTHS[0]
    expected = [1 if one else 2 if other else 0 for one, other in zip(yes, no, strict=True)]
    assert run(array_cells._VERDICT, (yes, no), ("truth", "truth")) == expected
    for place in (0, 1):
        mine = [yes.copy(), no.copy()]
        assert array_cells._VERDICT.work(*mine, out=mine[place].view(np.int8)).tolist() == expected


def test_a_change_is_a_row_that_differs_from_the_one_before() -> None:
    """Also where the marks of missing cells lend their memory."""
    for cells, kind in ((TRUTHS[0], "truth"), (TRUTHS[1], "truth"), (NUMBERS[0], "whole")):
        expected = [False, *(one != other for one, other in zip(cells[1:], cells[:-1], strict=True))]
        assert run(keyed.CHANGED, (cells,), (kind,)) == expected


@pytest.mark.parametrize("place", [0, 1])
def test_steps_over_numbers_give_the_same_in_the_memory_of_what_they_read(place: int) -> None:
    """Filling, choosing and keeping."""
    missing = TRUTHS[0]
    for operation, rest in (
        (array_cells._FILLED["whole"], (missing, np.int64(9))),
        (array_cells._OR_ZERO, (missing,)),
    ):
        values = NUMBERS[place].copy()
        apart = operation.work(values.copy(), *rest, out=np.empty(5, np.int64)).tolist()
        assert operation.work(values, *rest, out=values).tolist() == apart
    cells = [number.copy() for number in NUMBERS]
    apart = array_cells._PICKED["whole"].work(missing, *cells, out=np.empty(5, np.int64)).tolist()
    assert array_cells._PICKED["whole"].work(missing, *cells, out=cells[place]).tolist() == apart
