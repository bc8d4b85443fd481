"""The recipe: what a user writes in YAML, validated before anything is spent.

A stage entry is checked in two steps, because a recipe cannot know the rooms above it: here its ``use`` and
``name``; in ``flows/stages.py`` its own fields, by the ``Config`` of the module that ``use`` names.
"""

import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from schemas.extra_body import check_extra_body
from schemas.faults import Faults
from schemas.stops import checked_stop
from schemas.strict import Strict

MOST_ROWS = 10**12
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_TAKEN = ("take", "seeds", "input")
"""Names that the funnel uses itself."""
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_PASTED = re.compile(
    r"(sk|pk|gsk|hf|csk|r8|fw|xai|pplx|nvapi|ghp|gho|github_pat|tgp_v1)_\w{8}|(AKIA|ASIA|AIza)\w{12}"
    # What people call a thing they put '_' between words, and few digits into one.
    r"|.*(?=[^_]*[0-9])[A-Za-z0-9]{20}"
    r"|.*(?=[^_]*[a-z][A-Z][^_]*[a-z][A-Z])[A-Za-z0-9]{32}"
)
"""What a pasted key looks like, where it could be the name of a variable."""
_USER = re.compile(r"[^/]*//[^/?#]*@")
_LONGEST_HOST = 253


class Price(Strict):
    """What a model costs, in US dollars per million tokens."""

    prompt: float = Field(default=0.0, ge=0, description="US dollars per million prompt tokens.")
    cached: float | None = Field(
        default=None,
        ge=0,
        description="US dollars per million prompt tokens that the endpoint had cached. Default: prompt.",
    )
    completion: float = Field(default=0.0, ge=0, description="US dollars per million completion tokens.")


class Batch(Strict):
    """How the requests of a model with ``mode: batch`` travel; only for such a model."""

    completion_window: str = Field(
        default="24h",
        pattern=r"^[1-9][0-9]{0,3}[mhd]$",
        description="How long the endpoint may take; OpenAI knows only 24h.",
    )
    gather_seconds: float = Field(
        default=2.0, ge=0, le=3600, description="A batch is sent when no new request came for so many seconds…"
    )
    max_requests: int = Field(default=50_000, ge=1, le=50_000, description="…or when it holds so many requests…")
    max_bytes: int = Field(
        default=190_000_000, ge=1, le=200_000_000, description="…or as many bytes as one file may have."
    )
    poll_seconds: float = Field(
        default=30.0, gt=0, le=3600, description="Seconds between two looks at a batch under way."
    )


class Model(Strict):
    """One model that stages can name: any OpenAI-compatible endpoint, or ``builtin``."""

    model: str = Field(description="The name the endpoint knows, or builtin: the offline teacher.")
    base_url: str | list[str] | None = Field(
        default=None,
        description="The endpoint, ending in /v1, or a list of endpoints that serve the same model."
        " Default: the openai library's own.",
    )
    mode: Literal["live", "batch"] = Field(
        default="live", description="live: one request a prompt; batch: the endpoint's Batch API, slower and cheaper."
    )
    batch: Batch = Field(default_factory=Batch, description="For `mode: batch`.")
    api_key_env: str | None = Field(
        default=None, description="The NAME of the environment variable that holds the key; never the key itself."
    )
    concurrency: int = Field(default=512, ge=1, le=65536, description="Requests in flight, at most.")
    adaptive: bool = Field(
        default=True,
        description="Find out how many requests the endpoint can take, up to `concurrency`;"
        " off: always keep `concurrency` in flight.",
    )
    requests_per_minute: int | None = Field(default=None, ge=1, description="A hard cap, where the account has one.")
    tokens_per_minute: int | None = Field(default=None, ge=1, description="Likewise; prompt and completion tokens.")
    timeout: float = Field(default=120.0, gt=0, description="Seconds until a request is given up and retried.")
    max_attempts: int = Field(default=6, ge=1, le=100, description="Attempts for one request, the first included.")
    max_wait: float = Field(
        default=600.0,
        gt=0,
        description="Seconds that a request may take over all its attempts, and that an endpoint may be down.",
    )
    temperature: float | None = Field(default=None, ge=0, le=2, description="Where the stage names none.")
    top_p: float | None = Field(default=None, gt=0, le=1, description="Where the stage names none.")
    max_tokens: int | None = Field(default=None, ge=1, description="Where the stage names none.")
    stop: list[Annotated[str, AfterValidator(checked_stop)]] = Field(
        default_factory=list, max_length=4, description="Where the stage names none; only marks that no text can hold."
    )
    structured: Literal["auto", "off"] = Field(
        default="auto",
        description="auto: replies of a fixed form are asked for by JSON schema where the endpoint keeps to one;"
        " off: always as text.",
    )
    send_seed: bool = Field(default=True, description="Send a seed with each request; off for endpoints that refuse.")
    extra_body: dict[str, Any] = Field(default_factory=dict, description="Passed on as it is.")
    price: Price = Field(default_factory=Price, description="For the cost; nothing is known of it by itself.")
    faults: Faults | None = Field(default=None, description="Only for builtin.")

    @field_validator("model")
    @classmethod
    def _some_name(cls, model: str) -> str:
        if not model.strip():
            raise ValueError("the name is blank; give the one that the endpoint knows, or builtin")
        return model

    @field_validator("base_url")
    @classmethod
    def _http(cls, url: str | list[str] | None) -> str | list[str] | None:
        urls = [url] if isinstance(url, str) else url or []
        for each in urls:
            _check_url(each)
        if isinstance(url, list) and (not url or len(set(map(_place, url))) < len(url)):
            raise ValueError("a list of endpoints names each endpoint once, and at least one")
        return url

    @field_validator("api_key_env")
    @classmethod
    def _variable(cls, name: str | None) -> str | None:
        # The value is not shown: people paste the key itself here.
        if name is not None and (not _VARIABLE.fullmatch(name) or _PASTED.match(name)):
            raise ValueError("this is not the name of an environment variable; write the name, e.g. OPENAI_API_KEY")
        return name

    @field_validator("extra_body")
    @classmethod
    def _can_be_sent_with_every_request(cls, extra: dict[str, Any]) -> dict[str, Any]:
        check_extra_body(extra)
        return extra

    @model_validator(mode="after")
    def _faults_are_for_builtin(self) -> "Model":
        if self.faults is not None and self.model != "builtin":
            raise ValueError(f"faults are injected by the offline teacher only, not by {self.model!r}; remove them")
        return self

    @model_validator(mode="after")
    def _batch_is_for_batches(self) -> "Model":
        if self.mode != "batch" and self.batch != Batch():
            raise ValueError("batch has settings, and mode is live; write mode: batch, or remove them")
        return self

    @model_validator(mode="after")
    def _batches_go_to_one_endpoint(self) -> "Model":
        if self.mode == "batch" and self.offline:
            raise ValueError(
                "mode is batch, and the offline teacher inside the program has no Batch API; run `instructloom teacher"
                " serve` and give its base_url, or take mode: live"
            )
        if self.mode == "batch" and len(self.endpoints) > 1:
            raise ValueError(
                f"mode is batch, and base_url names {len(self.endpoints)} endpoints; a batch lives at one: name one"
            )
        return self

    @property
    def endpoints(self) -> list[str | None]:
        """The base URLs; ``None`` is the openai library's own."""
        return list(self.base_url) if isinstance(self.base_url, list) else [self.base_url]

    @property
    def offline(self) -> bool:
        """Whether this is the in-process offline teacher."""
        return self.model == "builtin" and self.base_url is None


def _check_url(url: str) -> None:
    if _USER.match(url):
        # Not shown: it is a secret, and it would stand in the manifest.
        raise ValueError("there is a user name in the URL; take it out and name the key's variable in api_key_env")
    if "?" in url or "#" in url:
        raise ValueError(
            f"{url!r} has a query; a base URL ends with its path: put what the endpoint wants in extra_body"
        )
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and _is_host(parts.hostname or "") and parts.port != 0
    except ValueError:  # a port that is none, brackets that do not match, a name that no host can have
        good = False
    if not good or re.search(r"[\s\0-\x1f\x7f]", url):
        raise ValueError(f"{url!r} is not an http(s) URL; give one such as http://localhost:8000/v1")


def _is_host(name: str) -> bool:
    # It is encoded as it will be when it is looked up: an empty or overlong part is an error there.
    return 0 < len(name.encode("idna")) <= _LONGEST_HOST


def _place(url: str) -> tuple[str, str, int | None, str]:
    """Where ``url`` leads, however it is written."""
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    return parts.scheme, (parts.hostname or "").removesuffix("."), port, parts.path.rstrip("/")


class Seeds(Strict):
    """Where the seed tasks come from."""

    path: str | list[str] = Field(
        default="builtin:en",
        description="builtin:en, builtin:zh, a file or any fsspec URL; or a list of them.",
    )
    format: Literal[
        "auto", "self_instruct", "alpaca", "messages", "sharegpt", "question_answer", "prompt_completion", "text",
        "csv", "parquet",
    ] = Field(default="auto", description="How to read them; auto: by their content.")  # fmt: skip
    language: str = Field(default="auto", description="ISO 639-1 code of the seeds, or auto: by script.")
    limit: int | None = Field(default=None, ge=1, description="Use the first so many seeds.")
    shard_rows: int = Field(
        default=100, ge=1, description="Seeds in one shard, where the first stage works on seeds one by one."
    )
    passes: int = Field(
        default=1, ge=1, description="How often the seeds may be gone through, likewise; each pass draws anew."
    )

    @property
    def paths(self) -> list[str]:
        """The sources as a list."""
        return [self.path] if isinstance(self.path, str) else list(self.path)


class StageEntry(BaseModel):
    """A stage as written: ``use`` names a file of generators/ or filters/; the rest is that file's ``Config``."""

    model_config = ConfigDict(extra="allow", frozen=True)

    use: str = Field(description="The stage's file name, without .py: evol_instruct, minhash, …")
    name: str | None = Field(default=None, description="A name of its own, where one method is used twice.")

    @field_validator("name")
    @classmethod
    def _plain_label(cls, name: str | None) -> str | None:
        # It names a folder of the run.
        if name is not None and (not _LABEL.fullmatch(name) or name in _TAKEN):
            raise ValueError(
                f"{name!r} cannot name a stage; use letters, digits, '_' and '-', and none of {', '.join(_TAKEN)}"
            )
        return name

    @property
    def label(self) -> str:
        """The name that reports and rejects show."""
        return self.name or self.use


class Output(Strict):
    """How the dataset is written."""

    shard_rows: int = Field(default=10_000, ge=1, description="Rows in one Parquet shard.")
    reasoning: Literal["think", "inline", "separate"] = Field(
        default="think",
        description=(
            "Where the trace goes in `messages`: think = <think>…</think> before the response; inline = plain text"
            " before the response; separate = only in the `reasoning` column."
        ),
    )
    copy_to: str | None = Field(
        default=None,
        min_length=1,
        description="Where each published version is copied to, below datasets/: a folder, or any fsspec URL.",
    )

    @field_validator("copy_to")
    @classmethod
    def _a_place_without_a_login(cls, url: str | None) -> str | None:
        if url is not None and "://" in url and _USER.match(url):
            # Not shown: it is a secret, and it would stand in the manifest.
            raise ValueError("there is a user name in the URL; take it out and log in by the store's own means")
        if url is not None and url.endswith("://"):
            raise ValueError(f"{url!r} names no place; give one such as s3://bucket/folder")
        return url


class Limits(Strict):
    """When to stop although the rows are not complete."""

    max_rounds: int = Field(default=1000, ge=1, description="Rounds of generation (source shards), at most.")
    budget_usd: float | None = Field(
        default=None, gt=0, description="US dollars, over all attempts at the run, by the prices of `models`."
    )
    budget_tokens: int | None = Field(default=None, ge=1, description="Prompt and completion tokens, likewise.")
    budget_requests: int | None = Field(default=None, ge=1, description="Requests, likewise; retries not counted.")
    min_yield: float = Field(
        default=0.02, ge=0, le=1, description="Stop when a round keeps less than this share of its candidates…"
    )
    patience: int = Field(default=5, ge=1, description="…for this many rounds in a row.")


class Ray(Strict):
    """Where the shards go with ``runner: ray``."""

    address: str | None = Field(
        default=None,
        min_length=1,
        description="A running cluster: host:port of its head, ray://host:port, or auto. Default: Ray is started on"
        " this machine, for the run.",
    )
    workers: int = Field(
        default=4,
        ge=1,
        le=4096,
        description="Shards at work at once, each in a process with an equal share of the caps.",
    )


class Recipe(Strict):
    """A whole generation: seeds, models, stages, and exactly ``rows`` rows that survive all of them."""

    dataset: str = Field(description="The dataset's name: lower case letters, digits, . _ -")
    rows: int = Field(
        ge=1, le=MOST_ROWS, description="Rows in the final dataset: they survived every filter and the dedup."
    )
    seed: int = Field(default=0, ge=0, description="The run's random seed.")
    seeds: Seeds = Field(default_factory=Seeds, description="Where the seed tasks come from.")
    models: dict[str, Model] = Field(
        default_factory=lambda: {"teacher": Model(model="builtin")}, description="Models by the name stages use."
    )
    stages: Annotated[list[StageEntry], Field(min_length=1, description="What rows go through, in order.")]
    output: Output = Field(default_factory=Output, description="How the dataset is written.")
    limits: Limits = Field(default_factory=Limits, description="When to stop although rows are missing.")
    runner: Literal["local", "ray"] = Field(
        default="local", description="Where the stages that ask a model run: in this process, or on a Ray cluster."
    )
    ray: Ray = Field(default_factory=Ray, description="For `runner: ray`.")

    @field_validator("dataset")
    @classmethod
    def _plain_name(cls, name: str) -> str:
        return _dataset_name(name)

    @field_validator("models")
    @classmethod
    def _some_model(cls, models: dict[str, Model]) -> dict[str, Model]:
        if "teacher" not in models:
            raise ValueError("there is no model named 'teacher'; name the one that stages ask by default so")
        return models

    @model_validator(mode="after")
    def _labels_differ(self) -> "Recipe":
        _check_labels(self.stages)
        return self


class FilterRecipe(Strict):
    """A chain of filters for rows that are there already: no models, no seeds, and as many rows as survive."""

    dataset: str = Field(default="filtered", description="The name of the dataset that is written.")
    stages: Annotated[list[StageEntry], Field(min_length=1, description="Filters, in order.")]
    output: Output = Field(default_factory=Output, description="How the dataset is written.")

    @field_validator("dataset")
    @classmethod
    def _plain_name(cls, name: str) -> str:
        return _dataset_name(name)

    @model_validator(mode="after")
    def _labels_differ(self) -> "FilterRecipe":
        _check_labels(self.stages)
        return self


def _dataset_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a dataset name; use lower case letters, digits, '.', '_' and '-'")
    return name


def _check_labels(stages: list[StageEntry]) -> None:
    labels = [stage.label for stage in stages]
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        raise ValueError(f"two stages are named {twice[0]!r}; give one of them a `name:` of its own")
