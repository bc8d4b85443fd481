"""The part of the command line that lives in Prefect: ``up``, ``deploy`` and ``schedule``."""

from pathlib import Path
from typing import Annotated

import typer

from flows.one_line import command, out

schedule_app = typer.Typer(help="Deployments: list, pause, resume, run now, remove.", no_args_is_help=True)

Root = Annotated[Path, typer.Option("--root", help="The folder that holds runs/ and datasets/.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks and Prefect's own log.")]
Pool = Annotated[str, typer.Option("--pool", help="The Prefect work pool.")]


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    app.command()(up)
    app.add_typer(schedule_app, name="schedule")


@command
def up(
    root: Root = Path(),
    host: Annotated[str | None, typer.Option("--host", help="Address to listen on.", show_default="127.0.0.1")] = None,
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65535, help="Port of Prefect.", show_default="4200")
    ] = None,
    download_port: Annotated[
        int, typer.Option("--download-port", min=1, max=65535, help="Port of the download server.")
    ] = 4300,
    pool: Pool = "instructloom",
    workers_limit: Annotated[
        int | None, typer.Option("--workers-limit", min=1, help="Flow runs at a time, at most.")
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(
            "--database",
            metavar="URL",
            help="Prefect's database, postgresql+asyncpg://USER:PASSWORD@HOST/NAME, instead of a SQLite file.",
        ),
    ] = None,
    debug: Debug = False,
) -> None:
    """Start what is missing of a Prefect server, a worker and the download server, until Ctrl-C."""
    from flows.up import Wanted, bring_up

    bring_up(Wanted(root.absolute(), download_port, pool, host, port, workers_limit, database), out, debug)
