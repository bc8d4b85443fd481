from pathlib import Path

import pytest
import yaml

from flows.recipe_file import load_recipe, packaged_recipes
from flows.stages import Stage, check_resources, resolve
from schemas.errors import RecipeError

GOOD = {"dataset": "d", "rows": 5, "stages": [{"use": "heuristics"}]}


def write(tmp_path: Path, **changes: object) -> str:
    path = tmp_path / "r.yaml"
    path.write_text(yaml.safe_dump({**GOOD, **changes}), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("name", [name for name in packaged_recipes() if name != "filter"])
def test_every_recipe_of_ours_is_valid(name: str) -> None:
    recipe = load_recipe(name)
    assert resolve(recipe, "", name)


BAD = [
    ({"rowz": 5}, "rowz: unknown key; did you mean 'rows'?"),
    ({"rows": "many"}, "rows: 'many': input should be a valid integer"),
    ({"rows": 0}, "rows: 0: input should be greater than or equal to 1"),
    ({"dataset": "../up"}, "'../up' is not a dataset name"),
    ({"stages": []}, "stages"),
    ({"seeds": {"pth": "x"}}, "seeds.pth: unknown key; did you mean 'path'?"),
    ({"models": {"teacher": {"model": "m", "base_url": "localhost"}}}, "'localhost' is not an http(s) URL"),
    ({"models": {"judge": {"model": "m"}}}, "no model named 'teacher'"),
    (
        {"models": {"teacher": {"model": "m", "faults": {"wrong": 1}}}},
        "faults are injected by the offline teacher only",
    ),
    ({"stages": [{"use": "minhash"}, {"use": "minhash"}]}, "two stages are named 'minhash'"),
    ({"output": {"reasoning": "loud"}}, "output.reasoning"),
    ({"stages": [{"use": "minhash", "name": "../../up"}]}, "'../../up' cannot name a stage"),
    ({"models": {"teacher": {"model": "m", "base_url": "http://host:port/v1"}}}, "is not an http(s) URL"),
    (
        {"models": {"teacher": {"model": "m", "base_url": "http://me:hunter@host/v1"}}},
        "there is a user name in the URL",
    ),
    ({"stages": [{"use": "minhash", "name": "take"}]}, "'take' cannot name a stage"),
]

INF = float("inf")


def teacher(**fields: object) -> dict[str, object]:
    return {"models": {"teacher": {"model": "m", **fields}}}


BAD += [
    ({"rows": True}, "rows: true is not a number; give one"),
    ({"rows": 10**30}, "rows: 1000000000000000000000000000000: input should be less than or equal to"),
    *(
        (teacher(**{field: False}), f"models.teacher.{field}: false is not a number; give one")
        for field in ("concurrency", "timeout", "max_wait", "temperature", "requests_per_minute")
    ),
    *(
        (teacher(**{field: INF}), f"models.teacher.{field}: inf: input should be a finite")
        for field in ("timeout", "max_wait")
    ),
    *((teacher(price={"prompt": price}), "models.teacher.price.prompt: ") for price in (INF, True)),
    ({"limits": {"budget_usd": INF}}, "limits.budget_usd: inf: input should be a finite number"),
    ({"limits": {"budget_tokens": True}}, "limits.budget_tokens: true is not a number; give one"),
    *((teacher(model=blank), "models.teacher.model: the name is blank") for blank in ("", "  ")),
    (teacher(batch={"poll_seconds": 5}), "models.teacher: batch has settings, and mode is live"),
    *(
        (teacher(base_url=url), "is not an http(s) URL; give one such as")
        for url in (
            "http://a..b/v1",
            f"http://{'a' * 64}.com/v1",
            f"http://{'a.' * 127}com/v1",
            "http://h/v\0",
            ["http://.h"],
        )
    ),
    *(
        (teacher(base_url=url), "has a query; a base URL ends with its path")
        for url in ("http://h/v1?", "http://h/v1#")
    ),
    *(
        (teacher(base_url=["http://h/v1", url]), "a list of endpoints names each endpoint once")
        for url in ("http://h/v1/", "http://H/v1", "http://h:80/v1", "http://h./v1")
    ),
    (teacher(faults={"latency": True}), "models.teacher.faults.latency: true is not a number"),
]


@pytest.mark.parametrize(("changes", "message"), BAD)
def test_a_bad_recipe_is_one_line_that_names_file_and_field(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    path = write(tmp_path, **changes)
    with pytest.raises(RecipeError) as error:
        load_recipe(path)
    assert message in str(error.value)
    assert str(error.value).startswith(path)
    assert "\n" not in str(error.value)


BAD_STAGES = [
    ([{"use": "minhsh"}], "'minhsh' is not a stage; did you mean 'minhash'?"),
    ([{"use": "minhash", "treshold": 0.5}], "unknown key"),
    ([{"use": "embedding", "threshold": 1.4}], "threshold"),
    ([{"use": "heuristics"}, {"use": "self_instruct"}], "move it to the front"),
    ([{"use": "respond", "temperature": True}], "temperature: true is not a number; give one"),
    ([{"use": "respond", "model": "nobody"}], "'nobody' is not one of the recipe's models (teacher)"),
]


@pytest.mark.parametrize(("stages", "message"), BAD_STAGES)
def test_a_bad_stage_is_one_line_that_names_its_place(tmp_path: Path, stages: list[object], message: str) -> None:
    recipe = load_recipe(write(tmp_path, stages=stages))
    with pytest.raises(RecipeError) as error:
        resolve(recipe, "", "r.yaml")
    assert message in str(error.value)
    assert "stages." in str(error.value)


FILES = [
    (b"a: [", "not valid YAML"),
    (b"- a\n- b\n", "a recipe is a mapping"),
    (b"dataset: \xff\n", "not UTF-8 at byte 9"),
    (b"rows: 5\nrows: 7\n", "the key 'rows' stands twice"),
    (b"seed: 2024-13-45\n", "a value cannot be read"),
]


@pytest.mark.parametrize(("content", "message"), FILES)
def test_a_file_that_is_no_recipe_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "r.yaml"
    path.write_bytes(content)
    with pytest.raises(RecipeError, match=message):
        load_recipe(str(path))


def test_a_missing_file_names_the_recipes_there_are() -> None:
    with pytest.raises(RecipeError, match=r"no such recipe file.*default"):
        load_recipe("nowhere.yaml")


def test_numbers_may_be_written_as_yaml_has_them(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(
        "dataset: d\nrows: 1.0e+4\nstages: [{use: heuristics}]\n"
        "models: {teacher: {model: m, temperature: 1, timeout: 60, adaptive: no, send_seed: false, price: {prompt: 1}}}\n"
    )
    recipe = load_recipe(str(path), concurrency=3)
    model = recipe.models["teacher"]
    assert (recipe.rows, model.temperature, model.timeout, model.adaptive) == (10_000, 1.0, 60.0, False)


@pytest.mark.parametrize(
    "key",
    [
        "sk-planted123",
        "gsk_plantedAb12Cd34Ef56Gh78",
        "hf_plantedabcdefghij",
        "AKIAPLANTED123456789",
        "AIzaSyPlanted_0123456789",
        "planted8c1f0a64be2d9735",
        "my_planted8c1f0a64be2d9735",
        "PlantedKdLqWeRtYzUiOpAsDfGhJkLpQ",
    ],
)
def test_a_pasted_key_is_refused_and_never_shown(key: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"models\.teacher\.api_key_env: .*write the name") as error:
        load_recipe(write(tmp_path, **teacher(api_key_env=key)))
    assert "planted" not in str(error.value).lower()


@pytest.mark.parametrize(
    "name",
    ["OPENAI_API_KEY", "HF_TOKEN", "hf_token", "Azure_OpenAI_GPT4_Key_EastUS2", "COMPANY_OPENAI_GPT4_TEACHER_KEY_2"],
)
def test_whatever_a_variable_is_called_is_let_through(name: str, tmp_path: Path) -> None:
    assert load_recipe(write(tmp_path, **teacher(api_key_env=name))).models["teacher"].api_key_env == name


@pytest.mark.parametrize("url", ["http://me:planted@h/v1", "http://me:planted@a..b:port/v1?"])
def test_a_password_in_a_url_is_refused_and_never_shown(url: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="there is a user name in the URL") as error:
        load_recipe(write(tmp_path, **teacher(base_url=url)))
    assert "planted" not in str(error.value)


@pytest.mark.parametrize(
    "url", ["http://vllm_server:8000/v1", "http://[::1]:80/v1", "http://münchen.de", "http://h./v1"]
)
def test_other_urls_are_let_through(url: str, tmp_path: Path) -> None:
    assert load_recipe(write(tmp_path, **teacher(base_url=url))).models["teacher"].base_url == url


def test_the_command_line_replaces_fields(tmp_path: Path) -> None:
    recipe = load_recipe(write(tmp_path), seeds=["a.jsonl"], concurrency=3, rows=9, seed=None)
    assert (recipe.seeds.paths, recipe.models["teacher"].concurrency, recipe.rows, recipe.seed) == (
        ["a.jsonl"],
        3,
        9,
        0,
    )


def test_a_late_change_keeps_the_digests_of_the_stages_before_it(tmp_path: Path) -> None:
    stages = [{"use": "respond"}, {"use": "minhash"}, {"use": "embedding"}]
    before = resolve(load_recipe(write(tmp_path, stages=stages)), "", "r")
    after = resolve(load_recipe(write(tmp_path, stages=[*stages[:2], {"use": "embedding", "keep": "best"}])), "", "r")
    assert [stage.digest for stage in before[:-1]] == [stage.digest for stage in after[:-1]]
    assert before[-1].digest != after[-1].digest


def test_what_a_stage_names_is_tried_apart_so_that_published_recipes_can_still_be_read(tmp_path: Path) -> None:
    stages = resolve(load_recipe(write(tmp_path, stages=[{"use": "length", "tokenizer": "/gone"}])), "", "r")
    with pytest.raises(RecipeError, match=r"^length\.tokenizer: '/gone' cannot be loaded"):
        check_resources(stages)


def test_moving_to_another_endpoint_keeps_all_digests(tmp_path: Path) -> None:
    stages = [{"use": "respond"}]
    there = {"teacher": {"model": "m", "base_url": "http://a/v1", "concurrency": 1}}
    elsewhere = {"teacher": {"model": "m", "base_url": "http://b/v1", "concurrency": 9, "price": {"prompt": 1}}}
    digests = [
        [stage.digest for stage in resolve(load_recipe(write(tmp_path, stages=stages, models=models)), "", "r")]
        for models in (there, elsewhere)
    ]
    assert digests[0] == digests[1]


def test_a_budget_in_dollars_needs_a_price(tmp_path: Path) -> None:
    def stages(price: dict[str, float]) -> list[Stage]:
        models = {"teacher": {"model": "m"}, "judge": {"model": "n", "price": price}, "spare": {"model": "o"}}
        asked = [{"use": "respond"}, {"use": "evol_instruct", "judge_model": "judge"}]
        limits = {"budget_usd": 5}
        return resolve(load_recipe(write(tmp_path, stages=asked, models=models, limits=limits)), "", "r.yaml")

    assert stages({"completion": 1.0})
    with pytest.raises(RecipeError, match=r"^r.yaml: limits.budget_usd: no model .* price \(judge, teacher\)"):
        stages({"completion": 0.0})
