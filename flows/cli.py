"""The command line: ``instructloom``. Thin: reads arguments, calls a flow or a report, turns errors into one line.

prefect is imported only where a flow runs: ``validate`` and ``show`` answer at once.
"""

from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.one_line import command as _command
from flows.one_line import out, run_to_end
from flows.options import (
    Concurrency,
    Debug,
    NameOption,
    RecipeArgument,
    Root,
    RowsOption,
    Runner,
    RunnerOption,
    SeedOption,
)
from flows.prefect_cli import register
from schemas.errors import BadInput

app = typer.Typer(
    name="instructloom",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
teacher_app = typer.Typer(help="The offline teacher.", no_args_is_help=True)
app.add_typer(teacher_app, name="teacher")
register(app)


SeedsOption = Annotated[
    list[str] | None, typer.Option("--seeds", help="Seed file, folder or URL instead of the recipe's; may be repeated.")
]
RayAddress = Annotated[
    str | None, typer.Option("--ray-address", help="A running cluster; by default Ray is started here, for the run.")
]
RayWorkers = Annotated[
    int | None, typer.Option("--ray-workers", min=1, help="Shards at work on the cluster at once, at most.")
]
TokenEnv = Annotated[
    str, typer.Option("--token-env", metavar="NAME", help="The environment variable that holds the server's token.")
]


def main() -> None:
    """The entry point of the ``instructloom`` command."""
    run_to_end(app)


def _recipe(path: str, seeds: list[str] | None, concurrency: int | None = None, **values: Any) -> Any:
    from flows.recipe_file import load_recipe

    return load_recipe(path, seeds=seeds, concurrency=concurrency, **values)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"instructloom {version('instructloom')}")
        raise typer.Exit


@app.callback()
def _options(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    """Makes instruction-tuning data with language models: exactly N rows that survive every filter."""


@app.command()
@_command
def run(
    recipe: RecipeArgument,
    seeds: SeedsOption = None,
    rows: RowsOption = None,
    seed: SeedOption = None,
    dataset: NameOption = None,
    concurrency: Concurrency = None,
    runner: RunnerOption = None,
    ray_address: RayAddress = None,
    ray_workers: RayWorkers = None,
    add: Annotated[
        bool, typer.Option("--add", help="Add a version to the dataset, of rows that no earlier version has.")
    ] = False,
    approve: Annotated[
        bool, typer.Option("--approve", help="Make a first shard, show it and the projected cost, and ask.")
    ] = False,
    root: Root = Path(),
    debug: Debug = False,
) -> None:
    """Make the dataset of RECIPE, or go on where an earlier run of it stopped."""
    from flows.session import make_dataset

    given = {"address": ray_address, "workers": ray_workers}
    ray = {field: value for field, value in given.items() if value is not None}
    chosen = runner.value if runner else None
    checked = _recipe(recipe, seeds, concurrency, rows=rows, seed=seed, dataset=dataset, runner=chosen, ray=ray)
    if ray and checked.runner != "ray":
        raise BadInput(f"--ray-{next(iter(ray))} is for --runner ray; add that, or leave it out")
    make_dataset(checked, root.absolute(), recipe, out, debug, add, approve)


@app.command()
@_command
def validate(recipe: RecipeArgument, seeds: SeedsOption = None, debug: Debug = False) -> None:
    """Check RECIPE, its seeds and its stages; asks no model and writes nothing."""
    from flows.inspect import check

    check(_recipe(recipe, seeds), recipe, out)


@app.command()
@_command
def preview(
    recipe: RecipeArgument,
    rows: Annotated[int, typer.Option("--rows", "-n", min=1, help="Rows to show.")] = 5,
    seeds: SeedsOption = None,
    debug: Debug = False,
) -> None:
    """Send a few rows through the whole chain, show them, and estimate what the full run will cost."""
    from flows.session import preview_rows

    preview_rows(_recipe(recipe, seeds), recipe, rows, out, debug)


@app.command(name="filter")
@_command
def filter_command(
    path: Annotated[
        str, typer.Argument(metavar="IN", help="A file, a folder, a pattern, a URL, or the name of a dataset.")
    ],
    recipe: Annotated[
        str, typer.Option("--recipe", metavar="RECIPE", help="The filters: a recipe file, or one of ours.")
    ] = "filter",
    name: Annotated[
        str | None, typer.Option("--name", "--dataset", metavar="DATASET", help="Dataset name instead of the recipe's.")
    ] = None,
    language: Annotated[
        str | None,
        typer.Option("--language", help="Of all rows, an ISO 639-1 code; by default told row by row, by script."),
    ] = None,
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="OURS=FIELD", help="Which field is what: instruction=question,response=answer."),
    ] = None,
    runner: Annotated[Runner, typer.Option("--runner", help="Filters run here; there is no other.")] = Runner.LOCAL,
    root: Root = Path(),
    debug: Debug = False,
) -> None:
    """Send rows that are there already through a chain of filters, or go on where an earlier run of it stopped."""
    from flows.filter_input import mapping_of
    from flows.filter_session import Request, filter_dataset
    from flows.recipe_file import load_filter_recipe

    if runner is not Runner.LOCAL:
        raise BadInput(f"--runner {runner}: filters ask no model, so they run here; leave it out")
    request = Request(path, root.absolute(), language, mapping_of(mapping) if mapping else {})
    filter_dataset(load_filter_recipe(recipe, name), request, recipe, out, debug)


@app.command()
@_command
def show(
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="A name, name@version, or a folder.")],
    rows: Annotated[int, typer.Option("--rows", "-n", min=0, help="Sample rows to show.")] = 3,
    root: Root = Path(),
    debug: Debug = False,
) -> None:
    """Show a dataset: its rows, its funnel, and what was rejected for which reason."""
    from flows.inspect import show_dataset

    show_dataset(dataset, root, rows, out)


@app.command()
@_command
def explain(
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="A name, name@version, or a folder.")],
    row_id: Annotated[str, typer.Argument(metavar="ROW_ID", help="The id of a row, kept or not, or its beginning.")],
    root: Root = Path(),
    debug: Debug = False,
) -> None:
    """Tell the story of one row, from its seed: every prompt, completion, score and verdict."""
    from flows.explain import explain_row

    explain_row(dataset, row_id, root, out)


@app.command()
@_command
def serve(
    root: Annotated[
        str,
        typer.Option("--root", help="The folder that holds datasets/, or its fsspec URL, such as s3://bucket/path."),
    ] = ".",
    host: Annotated[
        str, typer.Option(help="Address to listen on; beyond this machine only with a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0: any that is free.")] = 4300,
    token_env: TokenEnv = "INSTRUCTLOOM_TOKEN",
    allow_host: Annotated[
        list[str] | None,
        typer.Option("--allow-host", metavar="NAME", help="A name the server is called by; may be repeated."),
    ] = None,
    debug: Debug = False,
) -> None:
    """Serve the datasets over HTTP: pages for people, files and archives for programs."""
    from flows.downloads import serve_datasets

    serve_datasets(root, host, port, token_env, allow_host or [], out)


@app.command()
@_command
def download(
    dataset: Annotated[str, typer.Argument(metavar="DATASET[@VERSION]", help="A name, or name@version.")],
    server: Annotated[
        str | None,
        typer.Option("--from", metavar="URL", help="The server that has it; without, it is copied from --root."),
    ] = None,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="DIR", help="Where it goes; by default NAME-vVERSION.")
    ] = None,
    token_env: TokenEnv = "INSTRUCTLOOM_TOKEN",
    rejects: Annotated[bool, typer.Option("--rejects/--no-rejects", help="The rejected rows, too.")] = True,
    root: Root = Path(),
    debug: Debug = False,
) -> None:
    """Fetch a dataset from a server, verified; what an earlier attempt has fetched is not fetched again."""
    from flows.downloads import fetch_dataset

    fetch_dataset(dataset, root, server, to, token_env, rejects, out)


@app.command()
@_command
def report(
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="A name, name@version, or a folder.")],
    to: Annotated[Path | None, typer.Option("--to", help="A folder instead of the version's own.")] = None,
    root: Root = Path(),
    debug: Debug = False,
) -> None:
    """Make report.html of a dataset anew: charts, rows, a map, in one file that needs no network."""
    from flows.reporting import remake

    out.print(str(remake(dataset, root, to)), soft_wrap=True, markup=False)


@app.command()
@_command
def schema(debug: Debug = False) -> None:
    """Print the JSON Schema of a recipe, for an editor."""
    import json

    from flows.stages import recipe_schema

    typer.echo(json.dumps(recipe_schema(), indent=2, ensure_ascii=False))


@teacher_app.command("serve")
@_command
def teacher_serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 8089,
    fault: Annotated[
        list[str] | None,
        typer.Option("--fault", metavar="KIND=RATE", help="Misbehave at a rate, e.g. rate_limit=0.1; may be repeated."),
    ] = None,
    latency: Annotated[
        str | None,
        typer.Option(metavar="SECONDS", help="Before each reply: 0.2, or lognormal:mean=0.2,sigma=1, or longtail:…"),
    ] = None,
    tokens_per_second: Annotated[float | None, typer.Option(help="A reply takes so much longer as it is long.")] = None,
    slots: Annotated[int | None, typer.Option(help="Requests answered at a time.")] = None,
    beyond: Annotated[str | None, typer.Option(help="What requests beyond the slots get: queue, 429 or 503.")] = None,
    requests_per_minute: Annotated[int | None, typer.Option(help="Beyond: 429, with x-ratelimit headers.")] = None,
    seed: Annotated[int | None, typer.Option(help="Which requests faults hit, and how long each takes.")] = None,
    structured: Annotated[
        str | None, typer.Option(help="A JSON schema in response_format: honour, ignore or error.")
    ] = None,
    reply: Annotated[str | None, typer.Option(help="Who answers: teacher, or echo for load tests.")] = None,
    reply_tokens: Annotated[int | None, typer.Option(help="Length of a reply of echo.")] = None,
    metrics: Annotated[bool, typer.Option("--metrics", help="Have /metrics, with vLLM's names.")] = False,
    batch_seconds: Annotated[float | None, typer.Option(help="How long a batch takes, at least.")] = None,
    debug: Debug = False,
) -> None:
    """Serve the offline teacher as an OpenAI-compatible endpoint, and print what it served when it is stopped."""
    from flows.serving import serve_teacher

    pace = {
        "latency": latency,
        "tokens_per_second": tokens_per_second,
        "slots": slots,
        "beyond": beyond,
        "requests_per_minute": requests_per_minute,
        "seed": seed,
        "structured": structured,
    }
    serving = {"reply": reply, "reply_tokens": reply_tokens, "metrics": metrics, "batch_seconds": batch_seconds}
    serve_teacher(host, port, fault or [], pace, serving, out)


if __name__ == "__main__":
    main()
