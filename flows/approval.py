"""Before the money is spent: a person looks at the first rows and at the projected cost, and goes on or not.

The first shard is made in earnest, so nothing of it is lost: the run goes on with it, unless the person changes how
it is made.
"""

import json
import textwrap
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import yaml
from prefect import get_client, pause_flow_run, suspend_flow_run
from prefect.input import RunInput
from prefect.runtime import deployment as this_deployment
from pydantic import Field, create_model
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.prompt import Prompt

from flows.estimate import Tried, estimate
from flows.prefect_api import logger
from flows.recipe_file import replaced
from flows.run import Run
from flows.stages import Stage, cost_money
from flows.store import Store
from outputs.fenced import fenced
from outputs.files import write_atomically
from schemas.errors import RecipeError, RunFailed
from schemas.recipe import MOST_ROWS, Recipe
from schemas.row import Row, from_frame, text_of

WAIT_SECONDS = 7 * 24 * 3600
"""For a person to come; then the run fails, and can be tried again."""
POLL_SECONDS = 2
PATHS = {"rows": "rows", "budget_usd": "limits.budget_usd", "temperature": "models.teacher.temperature"}
"""What a person may change, and the fields of the recipe behind it."""
SAMPLES = 5
DIALOGUE = 56
"""Characters in a line of plain text in the dialogue that Prefect's UI opens."""
SHOWN = 800
"""Characters of a text that is shown."""


class Approval(RunInput):
    """What a person may still change; the fields and their values now are made for each run."""


@dataclass(frozen=True)
class Question:
    """What a flow run asked a person, kept in the run directory: Prefect forgets it when a run is tried again."""

    number: int
    about: list[str]
    """The stage folders of what was shown."""
    answer: dict[str, Any] | None = None
    """The fields of the recipe that the person changed, by their path; None: not answered yet."""

    @property
    def key(self) -> str:
        """Its name in Prefect, which takes none twice in a flow run."""
        return f"approval-{self.number}"


def answered(store: Store, flow_run: str) -> dict[str, Any] | None:
    """What a person has already answered to this flow run, which is tried again; None if nobody has."""
    question = _read(_file(store, flow_run))
    return None if question is None else question.answer


def approve_in_ui(run: Run, tried: Tried, flow_run: str) -> Recipe:
    """Let the flow run wait until a person resumes it; the recipe as they want it.

    A deployed run is suspended: its process ends, and another one comes to this place again with the answer. One that
    only paused would lose its place among the deployment's runs, and Prefect ends it for that after some minutes. If
    the rows shown are no longer those that would be made, since another run has published a version, it asks anew.

    Raises:
        prefect.exceptions.Pause: this process is to end.
        prefect.exceptions.FlowPauseTimeout: nobody came.
        RecipeError: the recipe cannot be so.
    """
    file, about = _file(run.store, flow_run), [stage.folder for stage in run.stages]
    question = _read(file)
    if question is None or question.about != about or not _is_open(flow_run, question):
        question = Question(question.number + 1 if question else 1, about)
        _write(file, question)
        logger().info("waiting for approval: %s", estimate(tried, run.recipe))
    form = _form(run).with_initial_data(description=_shown(run, tried))
    if this_deployment.id:
        given = suspend_flow_run(wait_for_input=form, timeout=WAIT_SECONDS, key=question.key)
    else:
        given = pause_flow_run(wait_for_input=form, timeout=WAIT_SECONDS, poll_interval=POLL_SECONDS, key=question.key)
    changes = _changed(_present(run.recipe, run.stages), given.model_dump())
    recipe = replaced(run.recipe, changes, "approval")
    _write(file, replace(question, answer=changes))
    logger().info("approved%s", f" with {changes}" if changes else "")
    return recipe


def _is_open(flow_run: str, question: Question) -> bool:
    """Whether Prefect still knows that it asked. It forgets all questions when a run that ended is tried again."""
    with get_client(sync_client=True) as client:
        return question.key in (client.read_flow_run(UUID(flow_run)).empirical_policy.pause_keys or ())


def _file(store: Store, flow_run: str) -> Path:
    return store.root / "approvals" / f"{flow_run}.json"


def _read(file: Path) -> Question | None:
    return Question(**json.loads(file.read_text(encoding="utf-8"))) if file.exists() else None


def _write(file: Path, question: Question) -> None:
    text = json.dumps(asdict(question), ensure_ascii=False)
    write_atomically(file, lambda path: path.write_text(text, encoding="utf-8"))


def approve_in_terminal(run: Run, tried: Tried, out: Console) -> dict[str, Any]:
    """Ask in the terminal until a person says yes; the fields of the recipe that they changed, by their path.

    Raises:
        RunFailed: they said no.
    """
    for row in samples(run):
        out.print(Panel(escape(_conversation(row))))
    recipe, changes = run.recipe, dict[str, Any]()
    while True:
        out.print(estimate(tried, recipe), soft_wrap=True)
        answer = Prompt.ask("Go on?", console=out, choices=["yes", "no", "change"], default="yes")
        if answer == "yes":
            return changes
        if answer == "no":
            raise RunFailed("not approved; what was made is kept, and the same command goes on with it")
        try:
            present = _present(recipe, run.stages)
            given = {name: _ask(name, value, out) for name, value in present.items()}
            asked = changes | _changed(present, given)
            recipe, changes = replaced(run.recipe, asked, "approval"), asked
        except RecipeError as error:
            out.print(escape(str(error)))


def _ask(name: str, value: Any, out: Console) -> Any:
    given = Prompt.ask(f"{name} [dim]({'none' if value is None else value})[/]", console=out, default="")
    if not given.strip():
        return None
    try:
        return yaml.safe_load(given)
    except yaml.YAMLError as error:
        raise RecipeError(f"approval: {name}: {given!r} is not a number") from error


def _changed(present: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Of what a person gave, what differs, by the path of its field in the recipe."""
    return {PATHS[name]: value for name, value in given.items() if value is not None and value != present[name]}


def samples(run: Run) -> list[Row]:
    """Some rows of the first shard that survived everything."""
    frame = run.store.shard(run.stages[-1], 0).rows()
    return from_frame(frame.gather_every(max(1, frame.height // SAMPLES)).head(SAMPLES))


def _present(recipe: Recipe, stages: list[Stage]) -> dict[str, Any]:
    """What may be changed, as it is; a budget only where something has a price."""
    budget = {"budget_usd": recipe.limits.budget_usd} if cost_money(recipe, stages) else {}
    return {"rows": recipe.rows, **budget, "temperature": recipe.models["teacher"].temperature}


def _form(run: Run) -> type[Approval]:
    fields: dict[str, Any] = {
        "rows": (int, {"ge": 1, "le": MOST_ROWS, "title": "Rows", "description": "Rows that survive everything."}),
        "budget_usd": (
            float | None,
            {"gt": 0, "title": "Budget", "description": "US dollars, at most; empty: as it is."},
        ),
        "temperature": (
            float | None,
            {
                "ge": 0,
                "le": 2,
                "title": "Temperature",
                "description": "Of the teacher, where a stage names none. Another begins anew with the first shard.",
            },
        ),
    }
    shown: dict[str, Any] = {
        name: (fields[name][0], Field(default=value, **fields[name][1]))
        for name, value in _present(run.recipe, run.stages).items()
    }
    return create_model("Approval", __base__=Approval, **shown)


def _shown(run: Run, tried: Tried) -> str:
    shown = [
        f"**{place}.**\n\n{fenced(_wrapped(_conversation(row)))}" for place, row in enumerate(samples(run), start=1)
    ]
    return "\n\n".join([estimate(tried, run.recipe), *(shown or ["No row survived."])])


def _conversation(row: Row) -> str:
    return f"{_cut(text_of(row))}\n\n→ {_cut(row.response)}"


def _wrapped(text: str) -> str:
    """In lines that the UI's dialogue shows whole."""
    return "\n".join(textwrap.fill(line, DIALOGUE, replace_whitespace=False) for line in text.splitlines())


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
