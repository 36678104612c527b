"""Written kernels: each is written once for a kind of table, found again for the next one, and run over its rows."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from community_plan.frames.arrays import Table
from community_plan.frames.kernels import Kernel, Ref
from community_plan.frames.traces import Cell, Relation, Tracer

__all__ = ["kernel_for", "run"]

_MOST_KERNELS = 256
_KERNELS: OrderedDict[Any, tuple[Any, tuple[Kernel, Any]]] = OrderedDict()
_LOCK = threading.Lock()


def kernel_for(
    relation: Relation, outputs: Sequence[Cell], asked: Any, write: Callable[[Tracer], tuple[Sequence[Ref], Any]]
) -> tuple[Kernel, Any]:
    """Return a kernel for a kind of table, and what its outputs are; one that was written before is found again.

    Args:
        relation: What the expressions are over.
        outputs: The expressions.
        asked: What else the kernel depends on.
        write: Traces the outputs and returns the registers with what is to be known of them.
    """
    key = (tuple(cell.identity for cell in outputs), relation.identity(), relation.table.shape, asked)
    with _LOCK:
        if key in _KERNELS:
            _KERNELS.move_to_end(key)
            return _KERNELS[key][1]
    tracer = Tracer()
    registers, told = write(tracer)
    made = (tracer.builder.kernel(registers), told)
    # The expressions are kept as well: as long as they are, no other has their identity.
    held = (list(outputs), _layers(relation))
    with _LOCK:
        _KERNELS[key] = (held, made)
        while len(_KERNELS) > _MOST_KERNELS:
            _KERNELS.popitem(last=False)
    return made


def _layers(relation: Relation) -> list[Mapping[str, Cell]]:
    under = relation.under
    return [dict(relation.columns), *([] if isinstance(under, Table) else _layers(under))]


def run(kernel: Kernel, table: Table, sink: Callable[[int, int], Callable[[int, Any], None]]) -> None:
    """Run a kernel over all rows of a table."""
    wanted = list(kernel.inputs)
    kernel.over(0, table.rows, lambda start, stop: table.parts(wanted, start, stop), sink)
