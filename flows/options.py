"""Arguments and options that several commands of the command line take, as typer wants them."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Runner(StrEnum):
    """What ``--runner`` takes."""

    LOCAL = "local"
    RAY = "ray"


RecipeArgument = Annotated[str, typer.Argument(metavar="RECIPE", help="A recipe file, or the name of one of ours.")]
Root = Annotated[Path, typer.Option("--root", help="The folder that holds runs/ and datasets/.")]
RowsOption = Annotated[int | None, typer.Option("--rows", "-n", min=1, help="Rows instead of the recipe's.")]
SeedOption = Annotated[int | None, typer.Option("--seed", min=0, help="Random seed instead of the recipe's.")]
NameOption = Annotated[str | None, typer.Option("--dataset", help="Dataset name instead of the recipe's.")]
Concurrency = Annotated[
    int | None, typer.Option("--concurrency", min=1, help="Requests in flight, at most, for every model.")
]
RunnerOption = Annotated[
    Runner | None, typer.Option("--runner", help="Where the stages that ask a model run: here, or on a Ray cluster.")
]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks and Prefect's own log.")]
