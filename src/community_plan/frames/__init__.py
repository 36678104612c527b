"""Frames: the door to narwhals, and through it to polars, pandas and the rest."""

from community_plan.frames.entry import enter as enter
from community_plan.frames.table import FrameTable as FrameTable
from community_plan.frames.table import as_frame as as_frame
from community_plan.frames.table import cells_of as cells_of
from community_plan.frames.table import collect as collect
from community_plan.frames.table import headers_of as headers_of
from community_plan.frames.table import is_frame as is_frame
from community_plan.frames.table import read_parquet as read_parquet

__all__ = ["FrameTable", "as_frame", "cells_of", "collect", "enter", "headers_of", "is_frame", "read_parquet"]
