"""Command line: thin over the same calls that programs make.

Exit status: 0 done; 1 the data or the plan have faults, or a `--fail-on` verdict came up; 2 wrong usage.
"""

from community_plan.cli import judging as judging
from community_plan.cli import registry as registry
from community_plan.cli import tallying as tallying
from community_plan.cli.program import app as app
from community_plan.cli.program import run as run

__all__ = ["app", "judging", "registry", "run", "tallying"]
