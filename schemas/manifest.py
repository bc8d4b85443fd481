"""The manifest: what a dataset holds, where it came from, and proof that no row was lost."""

from collections.abc import Iterable
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.exchange import Completion
from schemas.row import SCHEMA_VERSION


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid")


class StageCounts(_Record):
    """The balance of one stage.

    ``rows_in == passed + replaced + rejected`` and ``rows_out == passed + created``. ``discarded`` counts candidates
    that were made and not accepted; ``reasons`` counts rejected and discarded ones by reason.
    """

    stage: str
    use: str
    kind: str
    """generator, input (the reading of rows that were there), filter or take (the cut at exactly N)."""
    rows_in: int = 0
    passed: int = 0
    replaced: int = 0
    rejected: int = 0
    created: int = 0
    discarded: int = 0
    rows_out: int = 0
    reasons: dict[str, int] = Field(default_factory=dict)
    notes: dict[str, int] = Field(default_factory=dict)
    """What else a filter counted, such as rows in a language its model does not know."""

    def balanced(self) -> bool:
        """Whether no row was lost or invented."""
        return (
            self.rows_in == self.passed + self.replaced + self.rejected
            and self.rows_out == self.passed + self.created
            and sum(self.reasons.values()) == self.rejected + self.discarded
        )


class Usage(_Record):
    """What the models were asked in one stage. ``cost`` is in US dollars."""

    requests: int = 0
    """Requests answered by an endpoint in this run, retries not counted."""
    retries: int = 0
    replayed: int = 0
    """Completions taken from the log of an earlier attempt: not paid again."""
    failed: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    """Of the prompt tokens, those that the endpoint had cached and may sell for less."""
    reasoning_tokens: int = 0
    """Of the completion tokens, those that a reasoning model thought with."""
    cost: float = 0.0

    def book(self, completion: Completion) -> None:
        """One completion more, whichever attempt at the run paid for it."""
        self.failed += completion.error is not None
        self.prompt_tokens += completion.prompt_tokens
        self.completion_tokens += completion.completion_tokens
        self.cached_tokens += completion.cached_tokens
        self.reasoning_tokens += completion.reasoning_tokens
        self.cost += completion.cost


def sum_usage(usages: Iterable[Usage]) -> Usage:
    """All of them together."""
    total = Usage()
    for usage in usages:
        total = Usage(**{name: value + getattr(total, name) for name, value in usage.model_dump().items()})
    return total


class ShardFile(_Record):
    """One file of the dataset. ``path`` is relative to the version's folder."""

    path: str
    rows: int
    bytes: int
    sha256: str


class SeedReport(_Record):
    """One seed source, as it was read."""

    path: str
    format: str
    rows: int
    bad_lines: dict[str, int] = Field(default_factory=dict)
    """Unusable records by reason."""
    sha256: str = ""


class Manifest(_Record):
    """``manifest.json`` of one version of a dataset."""

    dataset: str
    version: int
    schema_version: int = SCHEMA_VERSION
    instructloom: str
    """The version of the program."""
    command: Literal["run", "filter"] = "run"
    """What made it: a run that asked models, or a chain of filters over rows that were there."""
    recipe: dict[str, Any]
    recipe_digest: str
    rows_requested: int
    rows: int
    complete: bool
    """Whether ``rows == rows_requested``."""
    stop_reason: str
    """complete, or why not: exhausted_seeds, falling_yield, max_rounds, budget_usd, budget_tokens, budget_requests,
    interrupted."""
    rounds: int = 0
    """Source shards that the dataset was made from."""
    source: str = ""
    """Digest of what the rows began from: seeds, first stage and its models. With ``edition`` it names the draw."""
    edition: int = 1
    """Which draw from that source: a run that adds to the dataset takes one that no version has taken."""
    earlier: list[int] = Field(default_factory=list)
    """The versions whose rows these rows were compared with: none of them is repeated here."""
    supersedes: list[int] = Field(default_factory=list)
    """Versions that hold the beginning of these very rows: a run that ended short, and went on."""
    flow_run: str = ""
    """The id of the Prefect flow run that made it."""
    stage_folders: list[str] = Field(default_factory=list)
    """Where the run keeps each stage's work, below its run directory, in order."""
    seeds: list[SeedReport] = Field(default_factory=list)
    funnel: list[StageCounts] = Field(default_factory=list)
    usage: dict[str, Usage] = Field(default_factory=dict)
    """By stage; everything asked over all attempts, rounds made ahead included."""
    files: list[ShardFile] = Field(default_factory=list)
    rejects: list[ShardFile] = Field(default_factory=list)
    started: str = ""
    finished: str = ""
    """ISO 8601, UTC."""
