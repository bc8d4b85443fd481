import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import CorruptRun, RunFailed
from schemas.exchange import Completion
from teachers.log import MAGIC, CompletionLog, Record, read_log
from teachers.payload import encode

ROOT = Path(__file__).resolve().parents[2]
PAYLOAD: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "一加一等于几？"}]}
BODY = encode(PAYLOAD)


def completion(text: str, **fields: Any) -> Completion:
    return Completion(text=text, model="m", prompt_tokens=3, completion_tokens=2, cost=0.25, **fields)


def append(path: Path, *keys: str) -> None:
    """Log ``reply to KEY`` under each key, one after the other."""

    async def all_of_them() -> None:
        with CompletionLog.open(path) as log:
            for key in keys:
                await log.append(key, f"digest of {key}", BODY, completion(f"reply to {key}"))

    asyncio.run(all_of_them())


def keys_of(path: Path) -> list[str]:
    return [record.key for record in read_log(path)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "completions.log"


def test_what_was_appended_is_there_after_opening_again(path: Path) -> None:
    append(path, "a", "b")
    with CompletionLog.open(path) as log:
        assert log.get("b", "digest of b") == completion("reply to b")
        assert len(log) == 2


def test_a_key_with_another_request_is_no_hit(path: Path) -> None:
    append(path, "a")
    with CompletionLog.open(path) as log:
        assert log.get("a", "another digest") is None
        assert log.get("b", "digest of a") is None


def test_the_latest_record_of_a_key_counts(path: Path) -> None:
    async def twice() -> Completion | None:
        with CompletionLog.open(path) as log:
            await log.append("a", "old", BODY, completion("old"))
            await log.append("a", "new", BODY, completion("new"))
            assert log.get("a", "old") is None
            return log.get("a", "new")

    assert asyncio.run(twice()) == completion("new")


def test_a_record_keeps_request_reply_and_refusal(path: Path) -> None:
    failed = completion("", error="refused_request", finish_reason="error")

    async def write() -> None:
        with CompletionLog.open(path) as log:
            await log.append("a", "d", BODY, failed, "too long")

    asyncio.run(write())
    assert list(read_log(path)) == [Record("a", "d", PAYLOAD, failed, "too long")]


def test_an_open_log_lists_what_is_durable(path: Path) -> None:
    append(path, "a", "b")
    with CompletionLog.open(path) as log:
        assert [record.key for record in log.records()] == ["a", "b"]


def test_a_log_torn_anywhere_in_its_last_record_keeps_all_others(path: Path) -> None:
    append(path, "a", "b")
    whole_until = path.stat().st_size
    append(path, "c")
    content = path.read_bytes()
    for size in range(whole_until, len(content)):
        path.write_bytes(content[:size])
        assert keys_of(path) == ["a", "b"]
        assert path.stat().st_size == size, "reading changes nothing"
        with CompletionLog.open(path) as log:
            assert [record.key for record in log.records()] == ["a", "b"]
        assert path.stat().st_size == whole_until
    append(path, "c")
    assert path.read_bytes() == content


def test_a_last_record_with_any_byte_changed_is_dropped(path: Path) -> None:
    append(path, "a")
    whole_until = path.stat().st_size
    append(path, "b")
    content = path.read_bytes()
    for place in range(whole_until, len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :])
        with CompletionLog.open(path) as log:
            assert (len(log), log.get("b", "digest of b")) == (1, None)


def test_a_tail_of_zeros_is_cut_off(path: Path) -> None:
    append(path, "a")
    size = path.stat().st_size
    with path.open("ab") as file:
        file.write(bytes(5000))
    with CompletionLog.open(path) as log:
        assert len(log) == 1
    assert path.stat().st_size == size


def test_damage_in_the_middle_is_an_error_that_names_file_and_place(path: Path) -> None:
    append(path, "a")
    start = path.stat().st_size
    append(path, "b")
    end = path.stat().st_size
    append(path, "c")
    content = path.read_bytes()
    for place in range(start, end):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :])
        with pytest.raises(CorruptRun, match=rf"completions\.log is damaged at byte {start},"):
            CompletionLog.open(path)
        with pytest.raises(CorruptRun):
            keys_of(path)


def test_damage_that_comes_while_the_log_is_open_is_found(path: Path) -> None:
    append(path, "a")
    with CompletionLog.open(path) as log:
        with path.open("r+b") as file:
            file.seek(-1, os.SEEK_END)
            file.write(b"?")
        with pytest.raises(CorruptRun):
            log.get("a", "digest of a")


@pytest.mark.parametrize("size", range(len(MAGIC)))
def test_a_log_that_died_at_birth_begins_anew(path: Path, size: int) -> None:
    path.write_bytes(MAGIC[:size])
    assert keys_of(path) == []
    append(path, "a")
    assert keys_of(path) == ["a"]


@pytest.mark.parametrize("content", [b"PAR1....", b"loomlog\x01", b"x"])
def test_another_kind_of_file_is_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(CorruptRun, match="no completion log"):
        CompletionLog.open(path)
    assert path.read_bytes() == content


def test_many_appends_share_few_syncs_and_all_are_durable(path: Path) -> None:
    keys = [f"k{number}" for number in range(500)]

    async def all_at_once() -> int:
        with CompletionLog.open(path) as log:
            await asyncio.gather(*(log.append(key, key, BODY, completion(key)) for key in keys))
            # What a process that is killed here leaves behind:
            assert sorted(keys_of(path)) == sorted(keys)
            assert all(log.get(key, key) == completion(key) for key in keys)
            return log.syncs

    assert asyncio.run(all_at_once()) <= 5


def test_an_append_returns_only_when_the_disk_has_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr("teachers.log._sync", lambda fd: synced.append(os.fstat(fd).st_size))

    async def write() -> None:
        with CompletionLog.open(path) as log:
            await log.append("a", "a", BODY, completion("a"))
            assert synced == [path.stat().st_size]

    asyncio.run(write())


def test_a_cancelled_append_does_not_take_others_with_it(path: Path) -> None:
    async def write() -> None:
        with CompletionLog.open(path) as log:
            first, second = (
                asyncio.create_task(log.append(key, key, BODY, completion(key))) for key in ("first", "second")
            )
            await asyncio.sleep(0)
            first.cancel()
            await second
            assert log.get("second", "second") == completion("second")

    asyncio.run(write())


def test_a_full_disk_stops_the_run_and_leaves_the_log_whole(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    append(path, "a")
    size = path.stat().st_size

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    async def write() -> None:
        with CompletionLog.open(path) as log:
            with monkeypatch.context() as patch:
                patch.setattr("teachers.log._sync", full)
                with pytest.raises(RunFailed, match=r"No space left on device.*to resume"):
                    await log.append("b", "b", BODY, completion("b"))
            assert path.stat().st_size == size
            await log.append("c", "c", BODY, completion("c"))

    asyncio.run(write())
    assert keys_of(path) == ["a", "c"]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match="No such file or directory"):
        CompletionLog.open(tmp_path / "nowhere" / "completions.log")


def test_appending_to_a_closed_log_is_an_error(path: Path) -> None:
    async def write() -> None:
        log = CompletionLog.open(path)
        log.close()
        log.close()
        with pytest.raises(RunFailed):
            await log.append("a", "a", BODY, completion("a"))

    asyncio.run(write())


def test_a_log_costs_no_memory_for_its_texts(path: Path) -> None:
    text = "".join(chr(0x4E00 + (place * 7919) % 20000) for place in range(200_000))

    async def write() -> None:
        with CompletionLog.open(path) as log:
            await log.append("a", "a", BODY, completion(text))
            assert not log._waiting
            assert sys.getsizeof(log._index) + sum(map(sys.getsizeof, log._index.items())) < 2000

    asyncio.run(write())


def test_reading_a_log_does_not_load_the_openai_library() -> None:
    script = "import sys, teachers.log; sys.exit(any(name in sys.modules for name in ('openai', 'tenacity', 'httpx2')))"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == 0
