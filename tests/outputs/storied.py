"""A dataset with a story: evolutions, topics, scores with neighbours, rejects of every kind, and texts that attack."""

from pathlib import Path

from hypothesis import strategies as st

from outputs.dataset import Dataset, publish, start_draft
from outputs.parquet import RejectWriter, TrainWriter
from schemas.manifest import Manifest, StageCounts, Usage
from schemas.recipe import Output
from schemas.reject import Rejected, rejects_frame
from schemas.row import Row, Score, TeacherNote, new_row, to_frame

ATTACKS = [
    "<script>fetch('http://evil.test/x')</script>",
    "</script><img src=http://evil.test/b.png onerror=alert(1)>",
    "![beacon](http://evil.test/b.png) [click](javascript:alert(1))",
    "| a | b |\n|---|---|\n| `c` | **d** |",
    "<!-- --> <iframe src=//evil.test> <b>bold</b> &lt;i&gt; \\*not\\*",
    "http://evil.test www.evil.test a@evil.test mailto:a@b.c <http://evil.test>",
    "# heading\n\n- item\n1. one\n> quote\n```js\ncode\n```\n***\n[x]: http://evil.test",
    "\u202eturned\u2028 \u0007 \x00 zero \ufeff 你好，世界 🎉",
    "__dunder__ _em_ *em* **strong** ~~gone~~ snake_case $x^2$ {{ template }}",
]
"""What a model may write, and no reader may act on."""

any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=60) | st.sampled_from(ATTACKS)
hostile_text = st.lists(
    st.sampled_from([*"[]()<>!*_`~|\\&#-+.:/@\n \t\"'=$^{}", "http://", "www.", "javascript:", "a", "x1", "你", "&amp;", "<b>"])
    | st.sampled_from(ATTACKS),
    max_size=30,
).map("".join)  # fmt: skip
"""Markup and pieces of it, in any order."""


def kept_rows(families: int = 6) -> list[Row]:
    """``families`` proposals, each with two evolutions and a neighbour score."""
    rows: list[Row] = []
    for number in range(families):
        text = f"Task {number}: {ATTACKS[number % len(ATTACKS)]}"
        first = new_row(
            text,
            stage="self_instruct.instances",
            response=f"Answer {number}. " * (number + 1),
            topic="Science" if number % 2 else None,
            subtopic="optics" if number % 2 else None,
            source=f"/home/someone/private/r0.p{number}",
            language="zh" if number % 3 == 0 else "en",
            teacher=TeacherNote(model="builtin", completion_tokens=5 * number),
        )
        rows.append(first)
        for depth in (1, 2):
            parent = rows[-1]
            rows.append(
                new_row(
                    f"{parent.instruction} Also do step {depth}.",
                    stage="evol_instruct",
                    operation="deepen" if depth == 1 else "breadth",
                    parents=(parent.id,),
                    depth=depth,
                    round=depth,
                    response=f"More {number}.",
                    language=parent.language,
                ).scored(
                    Score("minhash", "jaccard", 0.05 * number + 0.05, first.id),
                    Score("evol_instruct", "words_added", 3.0),
                )
            )
    return rows


def dropped_rows(kept: list[Row], count: int = 9) -> list[Rejected]:
    """Near duplicates of kept rows, and candidates that share an id or have no text."""
    near = [
        Rejected(
            "minhash",
            "near_duplicate",
            "row",
            0,
            new_row(f"{kept[n].instruction}!", stage="evol_instruct", operation="deepen", source=f"d{n}").scored(
                Score("minhash", "jaccard", 0.9 + n / 1000, kept[n].id)
            ),
        )
        for n in range(count)
    ]
    nobody = Row(id="r00000.p000", instruction="", stage="self_instruct")
    lost = [Rejected("self_instruct", "unparsable", "candidate", 0, nobody, raw) for raw in ATTACKS]
    odd = kept[0].scored(Score("minhash", "jaccard", float("nan"), None))
    return [*near, *lost, Rejected("evol_instruct", "undecided", "candidate", 0, odd, ATTACKS[0])]


def manifest_for(version: int, kept: TrainWriter, dropped: RejectWriter, lost: list[Rejected]) -> Manifest:
    """The manifest of such a dataset, its books balanced."""
    rows = sum(shard.rows for shard in kept.files)
    counts: dict[tuple[str, str], int] = {}
    for each in lost:
        counts[each.rejected_by, each.reason] = counts.get((each.rejected_by, each.reason), 0) + 1
    near = counts.get(("minhash", "near_duplicate"), 0)
    made = rows + near
    others = {stage: (reason, number) for (stage, reason), number in counts.items() if stage != "minhash"}
    funnel = [
        StageCounts(
            stage=stage, use=stage, kind="generator", rows_in=made if place else 0, passed=made if place else 0,
            created=0 if place else made, rows_out=made, discarded=number, reasons={reason: number},
        )
        for place, (stage, (reason, number)) in enumerate(others.items())
    ]  # fmt: skip
    funnel.append(
        StageCounts(
            stage="minhash", use="minhash", kind="filter", rows_in=made, passed=rows, rejected=near, rows_out=rows,
            reasons={"near_duplicate": near} if near else {},
        )
    )  # fmt: skip
    return Manifest(
        dataset="storied", version=version, instructloom="0.1.0", recipe={"stages": []}, recipe_digest="abc123",
        rows_requested=rows, rows=rows, complete=True, stop_reason="complete", funnel=funnel,
        usage={"evol_instruct": Usage(requests=1234, prompt_tokens=5_000_000, completion_tokens=2_000, cost=12.5)},
        files=kept.files, rejects=dropped.files, started="2026-01-01T00:00:00+00:00", finished="2026-01-01T00:01:00+00:00",
    )  # fmt: skip


def storied(
    root: Path, families: int = 6, rows: list[Row] | None = None, lost: list[Rejected] | None = None
) -> Dataset:
    """The dataset, published."""
    kept = kept_rows(families) if rows is None else rows
    gone = dropped_rows(kept, min(9, len(kept))) if lost is None else lost
    draft = start_draft(root, "storied")
    output = Output(shard_rows=10)
    with TrainWriter(draft.folder, output) as writer, RejectWriter(draft.folder, output) as rejects:
        writer.write(to_frame(kept))
        rejects.write(rejects_frame(gone))
    return publish(draft, manifest_for(draft.version, writer, rejects, gone))
