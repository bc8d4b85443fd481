"""Constraints on the form of the answer: one last line in a certain notation, computed and obeyed.

Constraints on the reply around it are in ``reply_frame.py``.
"""

import json
from collections.abc import Mapping
from random import Random

from teachers.builtin.draft import FORM, Draft, RiderKind, Site, Unfit, plain
from teachers.builtin.numbers import in_words, roman
from teachers.builtin.task import Params, Value

_KEYS = ("result", "answer", "total", "outcome", "value", "finding", "verdict", "output")


def _whole(site: Site, low: int, high: int) -> int:
    whole = site.whole()
    if whole is None or not low <= whole <= high:
        raise Unfit(f"the answer {site.value!r} is no integer from {low} to {high}")
    return whole


def _short(site: Site) -> str:
    if not isinstance(site.value, str) or "\n" in site.value or len(site.value) > 40:
        raise Unfit(f"the answer {site.value!r} is no short text")
    return site.value


def _items(site: Site) -> tuple[str, ...]:
    if not isinstance(site.value, tuple):
        raise Unfit(f"the answer {site.value!r} is no list")
    return site.value


def _spell(site: Site, draft: Draft, p: Params) -> None:
    draft.shape(in_words(_whole(site, -9_999, 9_999_999), draft.language))


def _roman(site: Site, draft: Draft, p: Params) -> None:
    draft.shape(roman(_whole(site, 1, 3999)))


def _draw_places(site: Site, rng: Random) -> Mapping[str, Value] | None:
    return {"places": rng.randint(1, 4)}


def _decimals(site: Site, draft: Draft, p: Params) -> None:
    number, places = site.number(), p.whole("places")
    if number is None or not 0 < places <= 9 or round(number, places) != number:
        raise Unfit(f"{site.value!r} is not exact in {places} decimal places")
    draft.shape(f"{number:.{places}f}")


def _draw_width(site: Site, rng: Random) -> Mapping[str, Value] | None:
    return {"width": rng.randint(5, 9)}


def _padded(site: Site, draft: Draft, p: Params) -> None:
    width = p.whole("width")
    draft.shape(str(_whole(site, 0, 10 ** min(width, 9) - 1)).zfill(width))


def _capitals(site: Site, draft: Draft, p: Params) -> None:
    draft.shape(_short(site).upper())


def _hyphens(site: Site, draft: Draft, p: Params) -> None:
    draft.shape("-".join(_short(site)))


def _numbered(site: Site, draft: Draft, p: Params) -> None:
    draft.shape("\n".join(f"{index}. {item}" for index, item in enumerate(_items(site), 1)))


def _joined(site: Site, draft: Draft, p: Params) -> None:
    draft.shape(" | ".join(_items(site)))


def _draw_key(site: Site, rng: Random) -> Mapping[str, Value] | None:
    return {"key": rng.choice(_KEYS)}


def _json(site: Site, draft: Draft, p: Params) -> None:
    value = site.value
    bare = int(value) if draft.final is None and isinstance(value, int) else draft.answer
    draft.shape(json.dumps({p.text("key"): bare}, ensure_ascii=False))


def _xml(site: Site, draft: Draft, p: Params) -> None:
    if any(sign in draft.answer for sign in "<>&\n"):
        raise Unfit(f"{draft.answer!r} would need escaping")
    draft.shape(f"<{p.text('key')}>{draft.answer}</{p.text('key')}>")


def _equals(site: Site, draft: Draft, p: Params) -> None:
    if "\n" in draft.answer:
        raise Unfit("the answer has several lines")
    draft.shape(f"{p.text('key').upper()} = {draft.answer}")


KINDS = (
    RiderKind(
        "words", "add_constraints", FORM,
        {
            "en": (
                "Repeat the final number on a line of its own, spelled out in words instead of digits.",
                "After the explanation, start a new line and put the resulting number there in words.",
                "The last thing in the reply should be the number written out as English words.",
                "Give the figure once more at the end, as words on a separate line.",
            ),
            "zh": (
                "最后另起一行，用汉字数字再写一遍结果。",
                "说明之后换一行，把得到的数用中文数字写出来。",
                "答复的末尾要单独一行，以汉字书写最终数值。",
                "结尾处请用中文大写之外的普通汉字数字单列结果。",
            ),
        },
        plain, _spell, group="last_line",
    ),
    RiderKind(
        "roman", "add_constraints", FORM,
        {
            "en": (
                "Put the result, converted to Roman numerals, on a line by itself at the end.",
                "Because the sign will be carved in stone, write the final number in Roman numerals on its own line.",
                "End with one line that shows the number as Roman numerals only.",
                "The closing line must be the same figure in Roman numerals.",
            ),
            "zh": (
                "结果还要换算成罗马数字，单独写在最后一行。",
                "因为要刻在石碑上，请在末行用罗马数字写出最终的数。",
                "最后一行只写这个数的罗马数字形式。",
                "末尾单列一行，给出同一数值的罗马数字。",
            ),
        },
        plain, _roman, group="last_line",
    ),
    RiderKind(
        "decimals", "add_constraints", FORM,
        {
            "en": (
                "State the final figure on its own line with exactly {places:int} digits after the decimal point.",
                "The form only accepts numbers with {places:int} decimal places, so end with a line in that notation.",
                "On a separate last line, print the result to {places:int} decimal places, zeros included.",
                "Close with the number alone, written with {places:int} decimals.",
            ),
            "zh": (
                "最后单独一行写出结果，小数点后恰好保留{places:int}位。",
                "表格只接受{places:int}位小数的数字，请在末行按此格式给出结果。",
                "另起一行，把结果写成{places:int}位小数，不足补零。",
                "结尾只写数字本身，带{places:int}位小数。",
            ),
        },
        _draw_places, _decimals, group="last_line",
    ),
    RiderKind(
        "padded", "add_constraints", FORM,
        {
            "en": (
                "Finish with the number padded with leading zeros to {width:int} digits, on its own line.",
                "The scanner expects {width:int} digits, so add a last line with leading zeros in front of the result.",
                "As a last line, show the result filled up with zeros on the left to a width of {width:int}.",
                "Also needed is a closing line with exactly {width:int} digits, zeros first, then the result.",
            ),
            "zh": (
                "末尾单独一行，把结果在左边补零到{width:int}位。",
                "扫描器只认{width:int}位数字，请在最后一行给结果前面补零。",
                "最后一行写出结果，左侧用零填充，总宽度为{width:int}位。",
                "收尾另起一行，凑足{width:int}位，先写零再写结果。",
            ),
        },
        _draw_width, _padded, group="last_line",
    ),
    RiderKind(
        "capitals", "add_constraints", FORM,
        {
            "en": (
                "Repeat the answer alone on the last line in capital letters only.",
                "For the notice board, print the answer once more in block capitals on a line of its own.",
                "End the reply with the answer in upper case on a separate line.",
                "Make the final line the answer itself, every letter capitalised.",
            ),
        },
        plain, _capitals, group="last_line",
    ),
    RiderKind(
        "hyphens", "add_constraints", FORM,
        {
            "en": (
                "On the last line, write the answer with a hyphen between every two characters.",
                "Close with the answer spelled out, its characters separated by hyphens, on a line of its own.",
                "So that it can be read aloud, end with the answer's characters one by one with hyphens in between.",
                "Finally set the answer on a new line, hyphenated after each character but the last.",
            ),
            "zh": (
                "最后一行写出答案，每两个字符之间加一个连字符。",
                "结尾把答案逐字写在单独一行，字符之间用连字符隔开。",
                "为了方便朗读，末行请把答案逐字列出，中间用“-”连接。",
                "最后另起一行写答案，除末字外每个字符后面都加“-”。",
            ),
        },
        plain, _hyphens, group="last_line",
    ),
    RiderKind(
        "numbered", "add_constraints", FORM,
        {
            "en": (
                "Set the items of the final list below the explanation, one per line, numbered from 1.",
                "Close with a numbered list that has one item on each line.",
                "The result must end up as lines that begin with \"1.\", \"2.\" and so on.",
                "Lay out the finished list vertically and number every entry.",
            ),
            "zh": (
                "在说明下面列出最终结果，每行一项，从1开始编号。",
                "最后给出带编号的列表，一行一项。",
                "结果要写成以“1.”“2.”等开头的若干行。",
                "把得到的列表竖着排，逐项编号。",
            ),
        },
        plain, _numbered, group="last_line",
    ),
    RiderKind(
        "joined", "add_constraints", FORM,
        {
            "en": (
                "Put the finished list on one last line with \" | \" between its items.",
                "Deliver the items once more on a line of their own, divided by vertical bars with spaces around them.",
                "The import tool wants the list in one line with \" | \" as its only separator, so end with that.",
                "At the end, write out the list on a single line, items set apart by \" | \".",
            ),
            "zh": (
                "最后一行写出整理好的列表，各项之间用“ | ”隔开。",
                "另起一行再写一遍各项，以两侧带空格的竖线分隔。",
                "导入工具只认“ | ”作分隔符，请以这样一行收尾。",
                "末尾用单独一行列出各项，项与项之间写“ | ”。",
            ),
        },
        plain, _joined, group="last_line",
    ),
    RiderKind(
        "json", "add_constraints", FORM,
        {
            "en": (
                "Add a final line holding the answer as a JSON object whose only key is \"{key:text}\".",
                "A script reads your reply: its last line must be JSON with the single field \"{key:text}\".",
                "Also return the answer in JSON form on a line of its own, stored under \"{key:text}\".",
                "Wrap up with a one-line JSON object that maps \"{key:text}\" to the answer.",
            ),
            "zh": (
                "最后加一行JSON对象，唯一的键为“{key:text}”，值为答案。",
                "答复由脚本读取：末行必须是只含字段“{key:text}”的JSON。",
                "另外单独一行以JSON形式给出答案，存放在“{key:text}”之下。",
                "结尾用一行JSON，把“{key:text}”对应到答案。",
            ),
        },
        _draw_key, _json, group="last_line",
    ),
    RiderKind(
        "xml", "add_constraints", FORM,
        {
            "en": (
                "Enclose the answer in a <{key:text}> element on the last line.",
                "So that it can be extracted, set the answer between <{key:text}> tags at the end of the reply.",
                "Your reply closes with a line where the answer stands inside a <{key:text}> tag pair.",
                "The parser looks for a <{key:text}> element, so repeat the answer in one on a new line.",
            ),
            "zh": (
                "最后一行把答案放进<{key:text}>元素里。",
                "为便于提取，答复末尾要把答案写在一对<{key:text}>标签之间。",
                "收尾单独一行，答案置于<{key:text}>标签对中。",
                "解析器要找<{key:text}>元素，请另起一行在其中重复答案。",
            ),
        },
        _draw_key, _xml, group="last_line",
    ),
    RiderKind(
        "equals", "add_constraints", FORM,
        {
            "en": (
                "Conclude with an assignment line that has the upper-case form of \"{key:text}\", an equals sign "
                "and the answer.",
                "The settings file needs a line such as KEY = answer, with \"{key:text}\" in capitals as the key; "
                "end with it.",
                "Sum up on one line: \"{key:text}\" in capital letters, then \" = \", then the answer.",
                "Write a last line in the style NAME = answer where NAME is \"{key:text}\" in capitals.",
            ),
            "zh": (
                "最后写一行赋值：大写的“{key:text}”、等号、答案。",
                "配置文件需要形如 键 = 答案 的一行，键为大写的“{key:text}”，请以此结尾。",
                "用一行总结：先写大写字母的“{key:text}”，再写“ = ”，最后写答案。",
                "末行采用 名称 = 答案 的样式，名称是大写的“{key:text}”。",
            ),
        },
        _draw_key, _equals, group="last_line",
    ),
)  # fmt: skip
