"""The dataset card: README.md of a version, made from its manifest alone.

Its YAML head tells ``datasets.load_dataset(folder)`` to load ``data/train-*.parquet`` and nothing else. A card is
made to be shared: it names no endpoint, no key, no folder of the machine it was made on, and no licence, which is
the user's to choose.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import yaml

from outputs.funnel import HEADERS, funnel, reasons_of
from schemas.manifest import Manifest

_SIZES = [(1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M")]
"""The hub's size categories, by their upper end."""

_ABSOLUTE = re.compile(r"~?/|[A-Za-z]:[\\/]|\\\\|file:")
_MAX_REASONS = 20
_MAX_FILES = 100


def card(manifest: Manifest, languages: Sequence[str] = ()) -> str:
    """The whole README.md of a version; ``languages`` are those of its rows, the most frequent first."""
    parts = [
        _front_matter(manifest, languages),
        f"# {manifest.dataset}, version {manifest.version}",
        _summary(manifest),
        "## Load it", _loading(),
        "## How it was made", _stages(manifest), _models(manifest), _usage(manifest),
        "## Input" if manifest.command == "filter" else "## Seeds", _seeds(manifest),
        "## Funnel", _funnel(manifest),
        "## Rejects", _rejects(manifest),
        "## Columns", _COLUMNS,
        "## Licence",
        "Not chosen yet: add `license:` to the head of this file. The terms of the seeds and of the models apply too.",
    ]  # fmt: skip
    return "\n\n".join(part for part in parts if part) + "\n"


def size_category(rows: int) -> str:
    """The hub's size category of a number of rows."""
    return next((name for limit, name in _SIZES if rows < limit), "1M<n<10M" if rows < 10_000_000 else "n>10M")


def _front_matter(manifest: Manifest, languages: Sequence[str]) -> str:
    train = {"split": "train", "path": "data/train-*.parquet"}
    head = {
        "pretty_name": manifest.dataset,
        "language": list(languages),
        "size_categories": [size_category(manifest.rows)],
        "task_categories": ["text-generation"],
        "tags": [*(["synthetic"] if manifest.command == "run" else []), "instruction-tuning", "instructloom"],
        "configs": [{"config_name": "default", "data_files": [train]}],
    }
    return f"---\n{yaml.safe_dump(head, sort_keys=False, allow_unicode=True)}---"


def _summary(manifest: Manifest) -> str:
    state = "all that were asked for" if manifest.complete else f"of {manifest.rows_requested:,} asked for"
    if manifest.command == "filter":
        return _filtered_summary(manifest)
    when = f" ({manifest.started} to {manifest.finished})" if manifest.started and manifest.finished else ""
    text = (
        f"Instruction-tuning data written by language models: **{manifest.rows:,} rows**, {state}, each of which"
        f" passed every stage below. Made with instructloom {manifest.instructloom} from recipe"
        f" `{manifest.recipe_digest}` in {manifest.rounds:,} round{'s' if manifest.rounds != 1 else ''}{when}."
    )
    parts = [text]
    if manifest.earlier:
        parts.append(f"It adds to the dataset: no row is like one of {_versions(manifest.earlier)} by these filters.")
    if manifest.supersedes:
        parts.append(f"It supersedes {_versions(manifest.supersedes)}, which ended early with the first of these rows.")
    if not manifest.complete:
        parts.append(f"The run ended early: `{manifest.stop_reason}`.")
    return "\n\n".join(parts)


def _filtered_summary(manifest: Manifest) -> str:
    read = manifest.funnel[0].rows_in if manifest.funnel else manifest.rows
    return (
        f"Instruction-tuning data that was there before: **{manifest.rows:,} rows** of {read:,} records passed every"
        f" filter below. Made with instructloom {manifest.instructloom}, run `{manifest.recipe_digest}`."
    )


def _versions(numbers: Sequence[int]) -> str:
    return ", ".join(f"v{number}" for number in numbers)


def _loading() -> str:
    return """```python
import polars as pl
rows = pl.read_parquet("data/train-*.parquet")

from datasets import load_dataset
train = load_dataset(".", split="train")  # "." is the folder of this file

from trl import SFTTrainer
SFTTrainer(model=..., train_dataset=train.select_columns("messages")).train()
```"""


def _stages(manifest: Manifest) -> str:
    entries = manifest.recipe.get("stages", [])
    lines = [f"{number}. {_stage(entry)}" for number, entry in enumerate(entries, start=1)]
    return "\n".join(["The stages, in order, with what the recipe set for them:", "", *lines]) if lines else ""


def _stage(entry: dict[str, Any]) -> str:
    settings = {key: value for key, value in entry.items() if key not in ("use", "name") and _is_plain(value)}
    name = f"**{entry.get('name') or entry.get('use')}**"
    use = f" ({entry.get('use')})" if entry.get("name") else ""
    told = ", ".join(f"{key} = {_public(value)}" for key, value in settings.items())
    return f"{name}{use}{': ' + told if told else ''}"


def _models(manifest: Manifest) -> str:
    names = ["temperature", "top_p", "max_tokens"]
    rows = [
        [name, _public(entry.get("model")), *(_or_default(entry.get(value)) for value in names)]
        for name, entry in manifest.recipe.get("models", {}).items()
    ]
    note = "Sampling where a stage names nothing else; what was really used stands in each row's `teacher` column."
    return f"{_table(['model', 'is', *names], rows)}\n\n{note}" if rows else ""


def _usage(manifest: Manifest) -> str:
    names = ["requests", "replayed", "failed", "prompt_tokens", "completion_tokens"]
    rows = [
        [stage, *(f"{getattr(usage, name):,}" for name in names), f"{usage.cost:.4f}"]
        for stage, usage in manifest.usage.items()
        if usage.requests or usage.replayed
    ]
    headers = [name.replace("_", " ") for name in names]
    return f"What was asked:\n\n{_table(['stage', *headers, 'US dollars'], rows)}" if rows else ""


def _seeds(manifest: Manifest) -> str:
    rows = [
        [f"`{_public(seed.path)}`", seed.format, f"{seed.rows:,}", _counts(seed.bad_lines), _digest(seed.sha256)]
        for seed in manifest.seeds[:_MAX_FILES]
    ]
    told = "rows" if manifest.command == "filter" else "seeds"
    more = len(manifest.seeds) - _MAX_FILES
    rest = f"\n\n…and {more:,} more files; all are in manifest.json." if more > 0 else ""
    return _table(["source", "format", told, "not used", "sha256"], rows) + rest if rows else "None."


def _funnel(manifest: Manifest) -> str:
    lines = funnel(manifest.funnel)
    if not lines:
        return "Not recorded."
    note = "in = passed + replaced + rejected; out = passed + created. Discarded candidates never became rows."
    return f"{_table(HEADERS, [line.cells for line in lines])}\n\n{note}"


def _rejects(manifest: Manifest) -> str:
    total = sum(shard.rows for shard in manifest.rejects)
    if not total:
        return "None."
    reasons = reasons_of(manifest.funnel)
    rows = [[stage, reason, f"{count:,}"] for stage, reason, count in reasons[:_MAX_REASONS]]
    more = f"\n\n…and {len(reasons) - _MAX_REASONS} rarer reasons." if len(reasons) > _MAX_REASONS else ""
    return (
        f"{total:,} rejected rows and candidates are kept in `rejects/`, with the stage, the reason and the raw text."
        f" They are not part of the train split.\n\n{_table(['stage', 'reason', 'count'], rows)}{more}"
    )


_COLUMNS = """`messages` is the chat that a trainer loads (system, user, assistant), derived from the other columns:
`instruction`, `input`, `response`, `reasoning`, `answer`, `system`, `turns`. Labels: `language`, `topic`, `subtopic`,
`task_type`, `difficulty`. Lineage: `id`, `parents`, `stage`, `operation`, `depth`, `round`, `source`. Who wrote it:
`teacher`, `system_generation`. What was measured: `scores`."""


def _table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headers, ["---"] * len(headers), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items())) or "–"


def _digest(sha256: str) -> str:
    return f"`{sha256[:12]}`" if sha256 else "–"


def _or_default(value: object) -> str:
    return "default" if value is None else str(value)


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int | float | bool)


def _public(value: object) -> str:
    """A value without what belongs to one machine or user: folders before a file, and a URL's login and query."""
    text = str(value)
    if "://" in text and not text.startswith("file:"):
        return re.sub(r"^(\w[\w+.-]*://)(?:[^/@]*@)?([^?#]*).*$", r"\1\2", text, flags=re.DOTALL)
    return re.split(r"[\\/]", text.rstrip("\\/"))[-1] if _ABSOLUTE.match(text) else text
