"""From the stage entries of a recipe to stages that can run: module, checked config, and a digest.

A stage's name is its file name: ``use: minhash`` is ``filters/minhash.py``, ``use: evol_instruct`` is
``generators/evol_instruct.py``. What a module offers tells its kind:

    propose, grow       a pool source: it grows a pool in rounds (self_instruct); only as the first stage
    grow | grow_shard   a generator
    judge               a filter that looks at each row on its own
    open_index          a filter that compares with the rows kept so far, or, with ``REMEMBERS = False``, with something
                        that it knows from the start

Beside these, ``check`` tries what a configuration only names, such as the files of a tokenizer.
"""

import difflib
import hashlib
import importlib
import importlib.util
import json
import pkgutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, Literal

from flows.recipe_file import validated
from generators import prompts
from schemas.errors import RecipeError
from schemas.recipe import FilterRecipe, Recipe, StageEntry
from schemas.row import SCHEMA_VERSION
from schemas.stage import StageConfig

Kind = Literal["pool", "seeds", "generator", "input", "filter", "index"]

# The first name that a module has decides: a pool source also has ``grow``, for its second half.
_KINDS: dict[str, Kind] = {
    "propose": "pool",
    "grow_shard": "generator",
    "grow": "generator",
    "open_index": "index",
    "judge": "filter",
}

LAYOUT_VERSION = 3
"""Part of every digest: goes up when stages are stored or driven differently, so that old work is not reused."""

# Fields of a model that change *where or how fast* it is asked, not what it answers: a run can move to another
# endpoint and go on.
_NOT_IN_DIGEST = {
    "base_url", "mode", "batch", "api_key_env", "concurrency", "adaptive", "requests_per_minute", "tokens_per_minute",
    "timeout", "max_attempts", "max_wait", "price",
}  # fmt: skip


@dataclass(frozen=True)
class Draw:
    """Which rows a run takes from its recipe's source, and which rows they are compared with from the start."""

    edition: int = 1
    """Each draws anew: another seed for every random choice. The first is the recipe by itself."""
    earlier: str = ""
    """Digest of the rows that a pool and filters with an index begin with; "" where there are none."""


@dataclass(frozen=True)
class Stage:
    """One stage of a run, ready to work. ``digest`` covers its configuration and all before it."""

    label: str
    use: str
    kind: Kind
    config: StageConfig
    module: ModuleType | None
    digest: str

    @property
    def folder(self) -> str:
        """The content-addressed folder name of the stage in a run's directory."""
        return f"{self.label}-{self.digest[:12]}"

    @property
    def remembers(self) -> bool:
        """Whether it is a filter that compares with rows, and so must know those of earlier versions."""
        return self.kind == "index" and getattr(self.module, "REMEMBERS", True)


class SeedsConfig(StageConfig):
    """The source of a recipe that begins with seed rows instead of a pool method."""

    use: str = "seeds"
    shard_rows: int = 100
    passes: int = 1


def resolve(recipe: Recipe, seeds_digest: str, origin: str, draw: Draw = Draw()) -> list[Stage]:
    """The stages of ``recipe`` in order, the source first; ``draw`` matters for their digests alone.

    A pool method becomes two stages: its proposals, which are taken in order, and ``<label>.instances``, which turns
    each accepted proposal into rows. Without a pool method the source is the seeds themselves.

    Raises:
        RecipeError: an unknown stage, a wrong field, a model or a measuring stage that is not in the recipe, a pool
            method in the middle, or a budget in dollars where nothing has a price.
    """
    loaded = [_load(entry, f"{origin}: stages.{place}") for place, entry in enumerate(recipe.stages)]
    for place, (module, config) in enumerate(loaded):
        where = f"{origin}: stages.{place} ({config.label})"
        _check_models(module, config, recipe, where)
        _check_measured(config, [before.label for _, before in loaded[:place]], where)
        if place and hasattr(module, "propose"):
            raise RecipeError(f"{where}: a pool method makes the first rows; move it to the front of `stages`")
    _check_budget(recipe, {name for each in loaded for name in model_names(*each).values()}, origin)
    digest = _digest("source", SCHEMA_VERSION, LAYOUT_VERSION, recipe.seed, seeds_digest)
    if draw.edition > 1:
        digest = _digest(digest, "edition", draw.edition)
    stages: list[Stage] = []
    if not hasattr(loaded[0][0], "propose"):
        source = SeedsConfig(shard_rows=recipe.seeds.shard_rows, passes=recipe.seeds.passes)
        digest = _digest(digest, source.model_dump(mode="json"))
        stages.append(Stage("seeds", "seeds", "seeds", source, None, digest))
    for module, config in loaded:
        digest = _digest(digest, *_content(module, config, recipe))
        stage = Stage(config.label, config.use, _kind(module), config, module, digest)
        if draw.earlier and (stage.kind == "pool" or stage.remembers):
            digest = _digest(digest, "earlier", draw.earlier)
            stage = replace(stage, digest=digest)
        stages.append(stage)
        if stage.kind == "pool":
            stages.append(replace(stage, label=f"{config.label}.instances", kind="generator"))
    return stages


def check_resources(stages: Iterable[Stage]) -> None:
    """Let each stage try what its configuration names and no schema can check.

    Apart from ``resolve``, which also reads recipes of published versions, whose files may be gone.

    Raises:
        RecipeError: something cannot be used.
    """
    for stage in stages:
        module: Any = stage.module
        if hasattr(module, "check"):
            module.check(stage.config)


def resolve_filters(recipe: FilterRecipe, input_digest: str, origin: str) -> list[Stage]:
    """The stages of a chain of filters, behind the one that reads the rows.

    Raises:
        RecipeError: an unknown stage, a wrong field, or a stage that is no filter.
    """
    digest = _digest("input", SCHEMA_VERSION, LAYOUT_VERSION, input_digest)
    stages = [Stage("input", "input", "input", StageConfig(use="input"), None, digest)]
    for place, entry in enumerate(recipe.stages):
        where = f"{origin}: stages.{place}"
        module, config = _load(entry, where)
        if _kind(module) not in ("filter", "index"):
            raise RecipeError(f"{where}.use: {entry.use!r} makes rows; `filter` takes filters only: {_filters()}")
        digest = _digest(digest, config.model_dump(mode="json"), getattr(module, "INDEX_VERSION", 0))
        stages.append(Stage(config.label, config.use, _kind(module), config, module, digest))
    return stages


def _filters() -> str:
    return ", ".join(name for name, module in sorted(known_stages().items()) if _kind(module) in ("filter", "index"))


def known_stages() -> dict[str, ModuleType]:
    """Every stage there is, by name: the modules of generators/ and filters/ that have a ``Config``."""
    found: dict[str, ModuleType] = {}
    for room in ("generators", "filters"):
        package = importlib.import_module(room)
        for info in pkgutil.iter_modules(package.__path__):
            module = importlib.import_module(f"{room}.{info.name}")
            if hasattr(module, "Config") and _kind(module) is not None:
                found[info.name] = module
    return found


def _load(entry: StageEntry, where: str) -> tuple[ModuleType, StageConfig]:
    modules = known_stages()
    if entry.use not in modules:
        near = difflib.get_close_matches(entry.use, modules, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(sorted(modules))}"
        raise RecipeError(f"{where}.use: {entry.use!r} is not a stage; {hint}")
    module = modules[entry.use]
    config: StageConfig = validated(module.Config, entry.model_dump(), where)
    return module, config


def _kind(module: ModuleType) -> Any:
    return next((kind for name, kind in _KINDS.items() if hasattr(module, name)), None)


def model_names(module: ModuleType, config: StageConfig) -> dict[str, str]:
    """The recipe's models that a generator asks, by the field that names them; filters ask none."""
    if not module.__name__.startswith("generators."):
        return {}
    values = config.model_dump()
    return {
        field: value
        for field, value in values.items()
        if (field == "model" or field.endswith("_model")) and isinstance(value, str)
    }


def _check_models(module: ModuleType, config: StageConfig, recipe: Recipe, where: str) -> None:
    for field, name in model_names(module, config).items():
        if name not in recipe.models:
            raise RecipeError(
                f"{where}.{field}: {name!r} is not one of the recipe's models ({', '.join(recipe.models)});"
                " add it under `models`"
            )


def _check_measured(config: StageConfig, before: list[str], where: str) -> None:
    """A stage that goes by the scores of another one would pass everything if there were none."""
    name: str | None = getattr(config, "measured_by", None)
    if name is not None and name not in before:
        raise RecipeError(
            f"{where}.measured_by: {name!r} is not a stage before this one ({', '.join(before) or 'there is none'});"
            " name the one that leaves the scores"
        )


def cost_money(recipe: Recipe, stages: list[Stage]) -> bool:
    """Whether a model that the stages ask has a price, so that a budget in dollars means something."""
    asked = {name for stage in stages if stage.module for name in model_names(stage.module, stage.config).values()}
    return _priced(recipe, asked)


def _priced(recipe: Recipe, asked: set[str]) -> bool:
    return any(any(recipe.models[name].price.model_dump().values()) for name in asked)


def _check_budget(recipe: Recipe, asked: set[str], origin: str) -> None:
    if recipe.limits.budget_usd is not None and asked and not _priced(recipe, asked):
        raise RecipeError(
            f"{origin}: limits.budget_usd: no model that the stages ask has a price ({', '.join(sorted(asked))}), so it"
            " would never be spent; give models.NAME.price, or take budget_tokens"
        )


def _content(module: ModuleType, config: StageConfig, recipe: Recipe) -> list[Any]:
    """All that decides what a stage writes: its config, its prompts and the models it asks."""
    names = model_names(module, config)
    models = {name: _model_content(recipe, name) for name in sorted(set(names.values()))}
    texts = prompts.digest(config.use) if module.__name__.startswith("generators.") else ""
    return [config.model_dump(mode="json"), models, texts, getattr(module, "INDEX_VERSION", 0)]


def own_digest(stage: Stage) -> str:
    """Of a stage's configuration alone, without what comes before it."""
    content = stage.config.model_dump(mode="json", exclude={"name"})
    return _digest(LAYOUT_VERSION, index_version(stage), stage.use, content)


def index_version(stage: Stage) -> int:
    """Which signatures and saved indexes of a filter are of use; 0 where it has none."""
    return int(getattr(stage.module, "INDEX_VERSION", 0))


def _model_content(recipe: Recipe, name: str) -> Mapping[str, Any]:
    # Without defaults, so that a field that a later version adds changes no digest.
    return recipe.models[name].model_dump(mode="json", exclude=_NOT_IN_DIGEST, exclude_defaults=True)


def _digest(*parts: Any) -> str:
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def recipe_schema() -> dict[str, Any]:
    """The JSON Schema of a recipe, with the fields of every stage there is."""
    schema = Recipe.model_json_schema()
    options = []
    for name, module in known_stages().items():
        stage = module.Config.model_json_schema(ref_template="#/$defs/{model}")
        schema["$defs"].update(stage.pop("$defs", {}))
        stage["properties"]["use"]["const"] = name
        stage["required"] = sorted({*stage.get("required", []), "use"})
        schema["$defs"][f"stage_{name}"] = {**stage, "title": name}
        options.append({"$ref": f"#/$defs/stage_{name}"})
    schema["properties"]["stages"]["items"] = {"anyOf": options}
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return schema
