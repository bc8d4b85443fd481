"""Constraints on the reply around the answer: how it opens and closes, what it mentions, how long it is."""

from collections.abc import Mapping
from random import Random

from teachers.builtin.draft import FRAME, LIMIT, Draft, RiderKind, Site, Unfit
from teachers.builtin.task import Params, Value

_OPENINGS = {
    "en": ("Here is the outcome.", "Checked twice.", "For the record.", "Dear colleague,", "In short:", "As requested:",
           "Good news first.", "After some counting:"),
    "zh": ("结果如下。", "已核对两遍。", "供存档。", "各位同事：", "简单说：", "应您要求：", "先说结论。",
           "清点之后："),
}  # fmt: skip
_CLOSINGS = {
    "en": ("That settles it.", "Please file this note.", "No further action is needed.", "Thank you for reading.",
           "The record is complete.", "Ask again if anything changes.", "Signed and dated.", "End of report."),
    "zh": ("就这么定了。", "请将此条归档。", "无需进一步处理。", "感谢阅读。", "记录完毕。", "如有变动请再问。",
           "已签字并注明日期。", "报告到此结束。"),
}  # fmt: skip


def length(text: str, language: str) -> int:
    """Words in English, characters in Chinese."""
    return len(text) if language == "zh" else len(text.split())


def _draw_opening(site: Site, rng: Random) -> Mapping[str, Value] | None:
    return {"opening": rng.choice(_OPENINGS[site.task.language])}


def _start(site: Site, draft: Draft, p: Params) -> None:
    draft.start = p.text("opening")


def _draw_closing(site: Site, rng: Random) -> Mapping[str, Value] | None:
    return {"closing": rng.choice(_CLOSINGS[site.task.language])}


def _close(site: Site, draft: Draft, p: Params) -> None:
    draft.end = p.text("closing")


def _draw_code(site: Site, rng: Random) -> Mapping[str, Value] | None:
    return {"code": f"{rng.choice('ABCDEFGHKLMNPRSTUVWXYZ')}{rng.randint(100, 9999)}"}


def _reference(site: Site, draft: Draft, p: Params) -> None:
    draft.extra.append(draft.say(f"Reference: {p.text('code')}.", f"编号：{p.text('code')}。"))


def _draw_limit(site: Site, rng: Random) -> Mapping[str, Value] | None:
    # Room to spare, so that a later evolution does not make the task impossible.
    used = length(site.draft.text(), site.task.language)
    return {"most": (used // 5 + rng.randint(5, 12)) * 5}


def _limit(site: Site, draft: Draft, p: Params) -> None:
    used = length(draft.text(), draft.language)
    if used > p.whole("most"):
        raise Unfit(f"the reply takes {used} words and {p.whole('most')} are allowed")


KINDS = (
    RiderKind(
        "opening", "add_constraints", FRAME,
        {
            "en": (
                "Begin the reply with the exact words \"{opening:text}\" before anything else.",
                "The very first words of the reply have to be \"{opening:text}\"; the solution follows.",
                "Open with \"{opening:text}\" and only then give the solution.",
                "House style demands that the text starts with \"{opening:text}\".",
            ),
            "zh": (
                "答复必须以“{opening:text}”开头，然后再写别的。",
                "开头的文字要是“{opening:text}”，随后给出解答。",
                "先写“{opening:text}”，之后才是答案。",
                "按本店惯例，正文从“{opening:text}”写起。",
            ),
        },
        _draw_opening, _start,
    ),
    RiderKind(
        "closing", "add_constraints", FRAME,
        {
            "en": (
                "Let the reply end with the sentence \"{closing:text}\" on a new line.",
                "After everything else, add the line \"{closing:text}\" word for word.",
                "The reply is only valid if its last line reads \"{closing:text}\".",
                "Sign off with \"{closing:text}\" and write nothing after it.",
            ),
            "zh": (
                "答复另起一行以“{closing:text}”结束。",
                "所有内容之后，原样加上一行“{closing:text}”。",
                "末行必须是“{closing:text}”，否则答复无效。",
                "落款处写“{closing:text}”，后面不再写任何内容。",
            ),
        },
        _draw_closing, _close, group="last_line",
    ),
    RiderKind(
        "reference", "add_constraints", FRAME,
        {
            "en": (
                "Work the reference code {code:text} into the reply, since unmarked mail gets lost.",
                "The reply must quote the file number {code:text} somewhere in its text.",
                "Somewhere in the reply there has to be the mark {code:text}.",
                "Besides the solution itself, mention case {code:text} in the reply.",
            ),
            "zh": (
                "答复中要写明编号{code:text}，否则会被弄丢。",
                "正文某处必须引用档案号{code:text}。",
                "请在答复里带上标记{code:text}。",
                "除解答本身外，还要提到案号{code:text}。",
            ),
        },
        _draw_code, _reference,
    ),
    RiderKind(
        "limit", "add_constraints", LIMIT,
        {
            "en": (
                "Keep the complete reply to {most:int} words or fewer.",
                "The display has room for {most:int} words at most, so do not exceed that.",
                "Anything beyond {most:int} words will be cut off, so the whole reply must stay within that length.",
                "Use no more than {most:int} words in total.",
            ),
            "zh": (
                "整个答复不超过{most:int}个字符。",
                "显示屏最多容纳{most:int}个字符，请不要超出。",
                "超过{most:int}个字符的部分会被截掉，全文须控制在此之内。",
                "总共使用至多{most:int}个字符。",
            ),
        },
        _draw_limit, _limit,
    ),
)  # fmt: skip
