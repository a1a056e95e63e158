"""`automathes run --dry-run`: what would be run, and whether it fits what is here."""

from pathlib import Path

from rich.console import Console

from cluster.config.plan import plan_run
from cluster.config.run_config import RunConfig, to_toml


def print_plan(config: RunConfig, folder: Path) -> None:
    """Prints the resolved configuration and the plan. `folder` is where the run would write."""
    console = Console()
    console.print(to_toml(config), markup=False, highlight=False, soft_wrap=True)
    console.print(plan_run(config, folder).render())
