"""The part of the command line that lives in Prefect: ``up``, ``deploy`` and ``schedule``."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from flows.one_line import command, out
from flows.options import (
    Concurrency,
    Debug,
    NameOption,
    RecipeArgument,
    Root,
    RowsOption,
    RunnerOption,
    SeedOption,
)
from schemas.errors import BadInput

schedule_app = typer.Typer(help="Deployments: list, pause, resume, run now, remove.", no_args_is_help=True)

Pool = Annotated[str, typer.Option("--pool", help="The Prefect work pool.")]


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    app.command()(up)
    app.command()(deploy)
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
    from flows.services import Wanted
    from flows.up import bring_up

    bring_up(Wanted(root.absolute(), download_port, pool, host, port, workers_limit, database), out, debug)


class Overlap(StrEnum):
    """What ``--overlap`` takes."""

    WAIT = "wait"
    SKIP = "skip"


Setting = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        help="A field of the recipe, e.g. models.teacher.temperature=0.9; may be repeated.",
    ),
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="A deployment, as `schedule ls` names it.")]


@command
def deploy(
    recipe: RecipeArgument,
    cron: Annotated[str | None, typer.Option("--cron", help='When to run: "0 2 * * *" is every night at two.')] = None,
    every: Annotated[str | None, typer.Option("--every", metavar="TIME", help="Or: 30m, 1h, 1d.")] = None,
    rrule: Annotated[str | None, typer.Option("--rrule", help="Or: an iCalendar rule, FREQ=WEEKLY;BYDAY=MO.")] = None,
    timezone: Annotated[
        str | None,
        typer.Option("--timezone", help="Of the schedule, e.g. Europe/Berlin.", show_default="this machine's"),
    ] = None,
    no_schedule: Annotated[
        bool, typer.Option("--no-schedule", help="Drop the schedule that the deployment has.")
    ] = False,
    pool: Pool = "instructloom",
    name: Annotated[
        str | None, typer.Option("--name", help="Of the deployment.", show_default="the dataset's name")
    ] = None,
    dataset: NameOption = None,
    rows: RowsOption = None,
    seed: SeedOption = None,
    concurrency: Concurrency = None,
    budget_usd: Annotated[
        float | None, typer.Option("--budget-usd", help="US dollars that a run may spend, instead of the recipe's.")
    ] = None,
    runner: RunnerOption = None,
    settings: Setting = None,
    approve: Annotated[
        bool, typer.Option("--approve", help="Each run stops after some rows and waits for a person.")
    ] = False,
    overlap: Annotated[
        Overlap, typer.Option("--overlap", help="What a run does that comes while another is under way.")
    ] = Overlap.SKIP,
    root: Root = Path(),
    paused: Annotated[
        bool | None, typer.Option("--paused/--active", help="Whether its schedule waits.", show_default="as it was")
    ] = None,
    write_yaml: Annotated[
        bool, typer.Option("--write-yaml", help="Only write it to prefect.yaml here, for `prefect deploy`.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Make RECIPE a Prefect deployment, to be run by a schedule, from the UI, or from here."""
    from flows.overrides import parse_settings
    from flows.session import quiet_prefect

    quiet_prefect(debug)
    from flows.deploy import Order, check_order
    from flows.deploy import deploy as deploy_order
    from flows.when import read_schedule

    given = {
        "dataset": dataset, "rows": rows, "seed": seed, "concurrency": concurrency, "budget_usd": budget_usd,
        "runner": runner.value if runner else None, "overrides": parse_settings(settings or []) or None,
        "approve": approve or None,
    }  # fmt: skip
    parameters = {field: value for field, value in given.items() if value is not None}
    schedule = read_schedule(cron, every, rrule, timezone)
    if schedule is not None and no_schedule:
        raise BadInput("--no-schedule drops the schedule, and another option sets one; keep one of them")
    place = root.absolute()
    order = Order(recipe, place, name, pool, schedule, no_schedule, overlap.value, paused, parameters)
    if not write_yaml:
        deploy_order(order, out)
        return
    from flows.prefect_yaml import write_yaml as write

    checked = check_order(order)
    out.print(f"Written to {write(checked, Path.cwd())}. Next: prefect deploy -n {checked.name}", soft_wrap=True)


@schedule_app.command("ls")
@command
def schedule_ls(debug: Debug = False) -> None:
    """List the deployments: what each makes, when, and how its last run ended."""
    from flows.session import quiet_prefect

    quiet_prefect(debug)
    from flows.schedule import list_deployments

    list_deployments(out)


@schedule_app.command("pause")
@command
def schedule_pause(name: Name, debug: Debug = False) -> None:
    """Stop the schedule of a deployment; runs under way go on."""
    from flows.session import quiet_prefect

    quiet_prefect(debug)
    from flows.schedule import pause

    pause(name, True, out)


@schedule_app.command("resume")
@command
def schedule_resume(name: Name, debug: Debug = False) -> None:
    """Let the schedule of a deployment go on."""
    from flows.session import quiet_prefect

    quiet_prefect(debug)
    from flows.schedule import pause

    pause(name, False, out)


@schedule_app.command("run")
@command
def schedule_run(name: Name, rows: RowsOption = None, settings: Setting = None, debug: Debug = False) -> None:
    """Start a run of a deployment now, in its worker."""
    from flows.overrides import parse_settings
    from flows.session import quiet_prefect

    quiet_prefect(debug)
    from flows.schedule import start

    overrides = parse_settings(settings or [])
    given = {"rows": rows, "overrides": overrides or None}
    start(name, {field: value for field, value in given.items() if value is not None}, out)


@schedule_app.command("rm")
@command
def schedule_rm(
    name: Name,
    sure: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    debug: Debug = False,
) -> None:
    """Remove a deployment; its datasets stay."""
    from flows.session import quiet_prefect

    quiet_prefect(debug)
    from flows.schedule import remove

    remove(name, sure, out)
