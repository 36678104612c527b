"""Frames: the door to narwhals, and through it to polars, pandas and the rest."""

from community_plan.frames.door import as_frame as as_frame
from community_plan.frames.door import cells_of as cells_of
from community_plan.frames.door import filled as filled
from community_plan.frames.door import from_columns as from_columns
from community_plan.frames.door import headers_of as headers_of
from community_plan.frames.door import is_frame as is_frame
from community_plan.frames.door import open_parquet as open_parquet
from community_plan.frames.door import scan_csv as scan_csv
from community_plan.frames.door import with_text as with_text
from community_plan.frames.opening import can_stream as can_stream
from community_plan.frames.opening import enter as enter
from community_plan.frames.opening import recalled as recalled
from community_plan.frames.opening import remember as remember

__all__ = [
    "as_frame",
    "can_stream",
    "cells_of",
    "enter",
    "filled",
    "from_columns",
    "headers_of",
    "is_frame",
    "open_parquet",
    "recalled",
    "remember",
    "scan_csv",
    "with_text",
]
