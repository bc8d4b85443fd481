import pytest
from hypothesis import given
from hypothesis import strategies as st

from teachers.pulse import cache_in_use, metrics_url, waiting

VLLM = """# HELP vllm:num_requests_waiting Number of requests waiting to be processed.
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting{engine="0",model_name="m"} 3.0
vllm:num_requests_waiting{engine="1",model_name="m"} 4.0
vllm:num_requests_running{engine="0",model_name="m"} 64.0
vllm:kv_cache_usage_perc{engine="0",model_name="m"} 0.42
vllm:kv_cache_usage_perc{engine="1",model_name="m"} 0.99
"""


def test_what_waits_at_vllm_is_summed_over_its_engines() -> None:
    assert waiting(VLLM) == 7
    assert cache_in_use(VLLM) == 0.99


@pytest.mark.parametrize(
    "text",
    ["llamacpp:requests_deferred 5\n", 'sglang:num_queue_reqs{model_name="m"} 5.0\n', "tgi_queue_size 5\n"],
)
def test_other_servers_count_under_other_names(text: str) -> None:
    assert waiting(text) == 5


@pytest.mark.parametrize("text", ["", "<html>", "vllm:num_requests_running 3", "vllm:num_requests_waiting NaN"])
def test_a_server_that_does_not_say_is_not_guessed_at(text: str) -> None:
    assert waiting(text) is None


@given(st.text())
def test_no_text_upsets_it(text: str) -> None:
    assert (waiting(f"vllm:num_requests_waiting {text}") or 0) >= 0


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("http://localhost:8000/v1", "http://localhost:8000/metrics"),
        ("http://localhost:8000/v1/", "http://localhost:8000/metrics"),
        ("https://gpu.example/llm/v1", "https://gpu.example/llm/metrics"),
        ("http://localhost:8000", "http://localhost:8000/metrics"),
    ],
)
def test_metrics_stand_beside_the_api(base: str, url: str) -> None:
    assert metrics_url(base) == url
