"""Program: the command, what its options are, and its exit status."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

import cyclopts
from cyclopts import App, Parameter

from community_plan import __version__
from community_plan.errors import CommunityPlanError, NotFoundError
from community_plan.units import Lang
from community_plan.verdicts import Verdict

__all__ = [
    "DEFAULT_PLAN",
    "FailOn",
    "Format",
    "FormatOption",
    "LangOption",
    "PlanName",
    "UsageError",
    "Words",
    "app",
    "levels_of",
    "pairs_of",
    "run",
]

DEFAULT_PLAN = "shangqiu-14fyp"
Format = Literal["table", "json", "csv"]

app = App(
    name="community-plan",
    help="Evaluate community-service plans exactly: what is promised, what is reached, what is missing.",
    version=__version__,
    result_action="return_value",
)

PlanName = Annotated[str, Parameter(name=["--plan", "-p"], help="Plan id, or a folder that has a plan.toml.")]
FormatOption = Annotated[Format, Parameter(name=["--format", "-f"], help="How to print.")]
LangOption = Annotated[Lang, Parameter(name=["--lang", "-l"], help="Language of labels.")]
FailOn = Annotated[
    list[Verdict] | None, Parameter(help="Exit with 1 if a row has this verdict.", negative=(), consume_multiple=False)
]
Words = Annotated[list[str] | None, Parameter(negative=(), consume_multiple=False)]


class UsageError(Exception):
    """An option whose text cannot be used."""


def run(arguments: Sequence[str]) -> int:
    """Run the command line on arguments and return the exit status."""
    try:
        status = app(list(arguments), exit_on_error=False, print_error=True)
        sys.stdout.flush()  # what a full disk does not take is a fault here, not when Python ends
    except cyclopts.CycloptsError:  # printed already
        return 2
    except UsageError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except CommunityPlanError as error:
        sys.stderr.write(f"{error}\n")
        # Ids that name nothing are wrong usage, unless they have a place: then they stand in a file.
        return 2 if all(isinstance(fault, NotFoundError) and fault.place is None for fault in error.faults) else 1
    except OSError as error:
        where = "" if error.filename is None else f"{error.filename}: "
        sys.stderr.write(f"{where}{error.strerror or error}\n")
        return 1
    return status if isinstance(status, int) else 0


def levels_of(by: Iterable[str] | None) -> list[str] | None:
    """Return the levels and columns of `--by`, given several times or with commas; `total` stands for none of them.

    Raises:
        UsageError: If `total` does not stand alone.
    """
    if by is None:
        return None
    names = [part.strip() for word in by for part in word.split(",") if part.strip()]
    if "total" in names and len(names) > 1:
        raise UsageError(f"expected `total` alone in --by, got {', '.join(names)}")
    return [] if names == ["total"] else names


def pairs_of(words: Iterable[str] | None, option: str) -> dict[str, str]:
    """Return NAME=VALUE words as a mapping.

    Raises:
        UsageError: If a word has no equals sign, or a name is given twice.
    """
    pairs: dict[str, str] = {}
    for word in words or ():
        name, equals, value = word.partition("=")
        if not equals:
            raise UsageError(f"expected NAME=VALUE for {option}, got {word!r}")
        if name.strip() in pairs:
            raise UsageError(f"expected each name once for {option}, got {name.strip()!r} twice")
        pairs[name.strip()] = value.strip()
    return pairs
