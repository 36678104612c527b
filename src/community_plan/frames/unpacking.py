"""Unpacking: marks that Arrow packs eight to a byte, one to a byte as compiled loops read them.

Numpy unpacks a column in as many calls as there are columns and chunks; cores wait for each other before every one.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from community_plan.frames.bits import Bits
from community_plan.frames.compiler import address_of, machine_code

__all__ = ["unpacked"]

_CODE = """
define void @loop(i64 %columns, i64 %rows, ptr noalias readonly %packed, ptr noalias readonly %firsts,
                  ptr noalias %marks) nounwind {
entry:
  %eights = lshr i64 %rows, 3
  %all = shl i64 %eights, 3
  %any = icmp sgt i64 %columns, 0
  br i1 %any, label %column, label %done
column:
  %number = phi i64 [ 0, %entry ], [ %following, %close ]
  %packed_at = getelementptr inbounds ptr, ptr %packed, i64 %number
  %bytes = load ptr, ptr %packed_at, align 8
  %first_at = getelementptr inbounds i64, ptr %firsts, i64 %number
  %first = load i64, ptr %first_at, align 8
  %line = mul i64 %number, %rows
  %out = getelementptr inbounds i8, ptr %marks, i64 %line
  %byte = lshr i64 %first, 3
  %begin = getelementptr inbounds i8, ptr %bytes, i64 %byte
  %odd = and i64 %first, 7
  %shift = trunc i64 %odd to i16
  %between = icmp ne i64 %odd, 0
  %step = zext i1 %between to i64
  %many = icmp sgt i64 %eights, 0
  br i1 %many, label %eight, label %tail
eight:
  %at = phi i64 [ 0, %column ], [ %next, %eight ]
  %low_at = getelementptr inbounds i8, ptr %begin, i64 %at
  %low = load i8, ptr %low_at, align 1
  %high_at = getelementptr inbounds i8, ptr %low_at, i64 %step
  %high = load i8, ptr %high_at, align 1
  %low16 = zext i8 %low to i16
  %high16 = zext i8 %high to i16
  %raised = shl i16 %high16, 8
  %both = or i16 %raised, %low16
  %shifted = lshr i16 %both, %shift
  %own = trunc i16 %shifted to i8
  %one = insertelement <8 x i8> poison, i8 %own, i64 0
  %each = shufflevector <8 x i8> %one, <8 x i8> poison, <8 x i32> zeroinitializer
  %bit = and <8 x i8> %each, <i8 1, i8 2, i8 4, i8 8, i8 16, i8 32, i8 64, i8 -128>
  %gone = icmp eq <8 x i8> %bit, zeroinitializer
  %mark = zext <8 x i1> %gone to <8 x i8>
  %row = shl i64 %at, 3
  %mark_at = getelementptr inbounds i8, ptr %out, i64 %row
  store <8 x i8> %mark, ptr %mark_at, align 1
  %next = add nuw nsw i64 %at, 1
  %more = icmp slt i64 %next, %eights
  br i1 %more, label %eight, label %tail
tail:
  %some = icmp slt i64 %all, %rows
  br i1 %some, label %single, label %close
single:
  %where = phi i64 [ %all, %tail ], [ %later, %single ]
  %place = add i64 %first, %where
  %place_byte = lshr i64 %place, 3
  %cell_at = getelementptr inbounds i8, ptr %bytes, i64 %place_byte
  %cell = load i8, ptr %cell_at, align 1
  %place8 = trunc i64 %place to i8
  %inside = and i8 %place8, 7
  %lowered = lshr i8 %cell, %inside
  %known = and i8 %lowered, 1
  %lost = xor i8 %known, 1
  %lost_at = getelementptr inbounds i8, ptr %out, i64 %where
  store i8 %lost, ptr %lost_at, align 1
  %later = add nuw nsw i64 %where, 1
  %left = icmp slt i64 %later, %rows
  br i1 %left, label %single, label %close
close:
  %following = add nuw nsw i64 %number, 1
  %again = icmp slt i64 %following, %columns
  br i1 %again, label %column, label %done
done:
  ret void
}
"""
"""Eight rows at a time; their bits may lie in two bytes."""


@functools.cache
def _code() -> tuple[Callable[..., None], Any]:
    held, address = machine_code(_CODE)
    number, pointer = ctypes.c_int64, ctypes.c_void_p
    return ctypes.CFUNCTYPE(None, number, number, pointer, pointer, pointer)(address), held


def unpacked(columns: Sequence[Bits], rooms: list[Any]) -> tuple[Any, Any]:
    """Return where cells of columns are missing.

    Args:
        columns: The marks of equally many rows.
        rooms: Memory that nobody needs any more, from which what is written into is taken: new memory costs time.

    Returns:
        A line of truth values for each column, and the memory that they lie in.
    """
    rows = len(columns[0])
    packed = np.array([address_of(column.memory) for column in columns], np.int64)
    firsts = np.array([column.first for column in columns], np.int64)
    size = rows * len(columns)
    try:
        room = rooms.pop()
    except IndexError:
        room = _NO_ROOM
    if room.size < size:
        room = np.empty(size, bool)
    call, _ = _code()
    call(len(columns), rows, address_of(packed), address_of(firsts), address_of(room))
    return room[:size].reshape(-1, rows), room


_NO_ROOM = np.empty(0, bool)
