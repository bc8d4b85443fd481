"""The limits that a recipe's filters hold similarities to, by stage and measure, as the report marks them."""

from collections.abc import Iterable, Mapping

from filters import decontaminate, embedding, minhash, novelty
from filters.novelty import Novelty
from flows.stages import Stage
from generators import self_instruct
from schemas.stage import StageConfig

Limits = dict[tuple[str, str], dict[str, float]]
"""By (stage's label, measure): each limit under the language it is for, "" for all languages."""


def thresholds(stages: Iterable[Stage], languages: Iterable[str]) -> Limits:
    """The limits in force for rows in ``languages``."""
    found: Limits = {}
    for stage in stages:
        for measure, limits in _limits(stage.config, list(languages)).items():
            found[stage.label, measure] = limits
    return found


def _limits(config: StageConfig, languages: list[str]) -> dict[str, dict[str, float]]:
    if isinstance(config, minhash.Config):
        limits = {"jaccard": {"": config.jaccard}}
        return limits if config.rouge_l is None else limits | {"rouge_l": {"": config.rouge_l}}
    if isinstance(config, embedding.Config):
        return {"cosine": {"": config.cosine}}
    if isinstance(config, decontaminate.Config):
        limits = {"coverage": {"": config.coverage}}
        return limits | {"cosine": {"": config.limits[1]}} if config.embedding else limits
    if isinstance(config, novelty.Config):
        return {"rouge_l": _by_language(config.thresholds, languages)}
    if isinstance(config, self_instruct.Config):
        return {"rouge_l": _by_language(config.novelty, languages)}
    return {}


def _by_language(given: Mapping[str, float], languages: list[str]) -> dict[str, float]:
    """A limit a language, or one for all where they agree."""
    pool = Novelty(given)
    limits = {language: pool.threshold(language) for language in languages or ["en"]}
    return limits if len(set(limits.values())) > 1 else {"": next(iter(limits.values()))}
