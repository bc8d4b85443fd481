import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.store import ShardFolder, ShardResult, Store
from schemas.errors import CorruptRun, RunFailed
from schemas.manifest import StageCounts, Usage
from schemas.reject import Rejected, rejects_frame
from schemas.row import Row, Score, TeacherNote, Turn, from_frame, new_row, to_frame

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@st.composite
def rows(draw: st.DrawFn) -> Row:
    return new_row(
        draw(texts),
        stage="test",
        input=draw(texts),
        response=draw(texts),
        answer=draw(st.none() | texts),
        turns=tuple(Turn("user", text) for text in draw(st.lists(texts, max_size=2))),
        parents=tuple(draw(st.lists(texts, max_size=2))),
        teacher=draw(st.none() | st.builds(TeacherNote, model=texts, temperature=st.none() | st.floats(0, 2))),
        scores=tuple(Score("s", "m", value) for value in draw(st.lists(st.floats(0, 1), max_size=2))),
    )


def result(kept: list[Row], rejects: list[Rejected]) -> ShardResult:
    return ShardResult(
        to_frame(kept), rejects_frame(rejects), StageCounts(stage="s", use="s", kind="filter"), Usage(requests=3)
    )


@given(kept=st.lists(rows(), max_size=4), lost=st.lists(rows(), max_size=3))
def test_a_shard_comes_back_as_it_was_saved(
    tmp_path_factory: pytest.TempPathFactory, kept: list[Row], lost: list[Row]
) -> None:
    folder = ShardFolder(tmp_path_factory.mktemp("shard"))
    folder.save(result(kept, [Rejected("s", "bad", "row", 0, row, "raw") for row in lost]))
    assert from_frame(folder.rows()) == kept
    assert from_frame(folder.rejects()) == lost
    assert folder.usage().requests == 3


def test_a_shard_is_done_only_when_its_counts_are_there(tmp_path: Path) -> None:
    folder = ShardFolder(tmp_path / "0")
    assert not folder.done
    folder.save(result([], []))
    assert folder.done
    (folder.path / "counts.json").unlink()
    assert not folder.done


@pytest.mark.parametrize("name", ["rows.parquet", "rejects.parquet", "counts.json"])
def test_a_damaged_file_is_named_with_the_remedy(tmp_path: Path, name: str) -> None:
    folder = ShardFolder(tmp_path / "0")
    folder.save(result([new_row("a", stage="t")], []))
    path = folder.path / name
    path.write_bytes(path.read_bytes()[:-9])
    read = {"rows.parquet": folder.rows, "rejects.parquet": folder.rejects, "counts.json": folder.counts}[name]
    with pytest.raises(CorruptRun, match=r"delete .* and run again"):
        read()


def test_signatures_come_back_as_they_were_saved(tmp_path: Path) -> None:
    folder = ShardFolder(tmp_path / "0")
    assert folder.signatures() is None
    saved = {"vectors": np.arange(6, dtype=np.float16).reshape(2, 3), "mask": np.array([True, False])}
    folder.save_signatures(saved)
    loaded = folder.signatures()
    assert loaded is not None
    assert all(np.array_equal(loaded[name], saved[name]) for name in saved)


def test_two_runs_of_one_dataset_do_not_meet(tmp_path: Path) -> None:
    with Store(tmp_path).locked(), pytest.raises(RunFailed, match="another run"), Store(tmp_path).locked():
        pass
    with Store(tmp_path).locked():  # the first has let go
        pass


def test_a_shard_that_another_process_holds_is_refused_after_a_wait_and_free_when_it_ends(tmp_path: Path) -> None:
    folder = ShardFolder(tmp_path / "00000")
    code = (
        "import sys; from pathlib import Path; from flows.store import ShardFolder\n"
        "with ShardFolder(Path(sys.argv[1])).locked():\n"
        "    print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(folder.path)],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(RunFailed, match="another process is at work on this shard"), folder.locked(patience=0.2):
            pass
        other.kill()  # not even a chance to let go
    with folder.locked(patience=10):
        assert folder.path.is_dir()
