"""Against ``transformers serve``, which we did not write: a tiny Llama with random weights, made on the spot.

Its text is noise and its protocol is real: ``/v1/models`` is a 500, a JSON schema and the temperature are ignored, and
so is ``n``. Noise must become rejects with a reason, and nothing may crash.
"""

import json
import os
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.manifest import StageCounts, Usage
from teachers.log import Record, read_log
from tests.flows.conftest import Command
from tests.flows.test_end_to_end import assert_sound

pytest.importorskip("accelerate", reason="transformers serve needs accelerate; it is in the extra 'dev'")

WriteRecipe = Callable[..., str]
SEEDS = [{"instruction": f"Name {number} rivers of Asia.", "output": f"{number} of them."} for number in range(2, 10)]
TOKENS = 24
"""Of each reply: noise is no better for being long."""


def make_tiny_llama(folder: Path) -> None:
    """A causal model of a few thousand random weights, with a tokenizer that knows all bytes and a chat template."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    bytewise = pre_tokenizers.ByteLevel(add_prefix_space=False)
    words = Tokenizer(models.BPE())
    words.pre_tokenizer, words.decoder = bytewise, decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<s>", "</s>"], initial_alphabet=alphabet, show_progress=False
    )
    words.train_from_iterator([seed["instruction"] for seed in SEEDS], trainer)
    untyped: Any = PreTrainedTokenizerFast
    tokenizer = untyped(tokenizer_object=words, bos_token="<s>", eos_token="</s>", pad_token="</s>")
    tokenizer.chat_template = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant:"
    torch.manual_seed(0)
    sizes: Any = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = LlamaConfig(vocab_size=len(tokenizer), max_position_embeddings=16384, **sizes)
    config.bos_token_id, config.eos_token_id = tokenizer.bos_token_id, tokenizer.eos_token_id
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The served model, as a recipe names it."""
    folder = tmp_path_factory.mktemp("llama") / "tiny"
    make_tiny_llama(folder)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    arguments = [str(Path(sys.executable).with_name("transformers")), "serve", str(folder), "--device", "cpu"]
    arguments += ["--host", "127.0.0.1", "--port", str(port)]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    with subprocess.Popen(arguments, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            wait_until_up(f"http://127.0.0.1:{port}", server)
            yield {"model": str(folder), "base_url": f"http://127.0.0.1:{port}/v1", "concurrency": 4}
        finally:
            server.terminate()


def wait_until_up(url: str, server: "subprocess.Popen[bytes]") -> None:
    tick = threading.Event()
    for _ in range(600):
        assert server.poll() is None, "transformers serve died"
        try:
            with urllib.request.urlopen(f"{url}/health"):
                return
        except OSError:
            tick.wait(0.1)
    raise AssertionError("transformers serve did not come up within a minute")


def records(runs: Path) -> list[Record]:
    return [record for path in sorted(runs.rglob("completions.log")) for record in read_log(path)]


def assert_every_request_came_to_something(runs: Path) -> None:
    """The books of each shard balance, and each completion in the logs stands in them."""
    counted = 0
    for path in runs.rglob("counts.json"):
        told = json.loads(path.read_text(encoding="utf-8"))
        counts, usage = StageCounts.model_validate(told["counts"]), Usage.model_validate(told["usage"])
        assert counts.balanced(), path
        assert all(counts.reasons), path
        counted += usage.requests
    assert counted == len(records(runs)) > 0


def probe_says(runs: Path) -> str:
    (file,) = runs.glob("*/endpoints/*.json")
    found: str = json.loads(file.read_text(encoding="utf-8"))["schemas"]
    return found


def test_its_list_of_models_is_out_of_order_as_this_file_says(model: dict[str, Any]) -> None:
    with pytest.raises(urllib.error.HTTPError, match="500"):
        urllib.request.urlopen(f"{model['base_url']}/models")


def test_rows_with_answers_come_through_and_what_the_model_makes_of_them_is_counted(
    model: dict[str, Any], command: Command, write_recipe: WriteRecipe, tmp_path: Path
) -> None:
    (tmp_path / "seeds.jsonl").write_text("\n".join(map(json.dumps, SEEDS)), encoding="utf-8")
    stages = [{"use": "evol_instruct", "rounds": 1, "max_tokens": TOKENS}, {"use": "heuristics"}]
    seeds = {"path": "seeds.jsonl"}
    done = command("run", write_recipe(rows=4, seeds=seeds, models={"teacher": model}, stages=stages))
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert assert_sound(tmp_path / "datasets" / "tried" / "v1").complete
    assert_every_request_came_to_something(tmp_path / "runs")
    assert {record.completion.error for record in records(tmp_path / "runs")} == {None}


def test_a_pool_of_noise_ends_in_one_line_and_every_piece_of_it_has_a_reason(
    model: dict[str, Any], command: Command, write_recipe: WriteRecipe, tmp_path: Path
) -> None:
    stages = [{"use": "self_instruct", "prompts_per_round": 2}, {"use": "respond"}]
    limits = {"max_rounds": 2}
    models = {"teacher": {**model, "max_tokens": TOKENS}}
    done = command("run", write_recipe(rows=5, limits=limits, models=models, stages=stages))
    assert done.returncode == 1
    assert "no row survived" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert_every_request_came_to_something(tmp_path / "runs")
    assert probe_says(tmp_path / "runs") == "ignored"
    assert not any("response_format" in record.payload for record in records(tmp_path / "runs"))
