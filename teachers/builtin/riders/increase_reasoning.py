"""Further steps of reasoning on the result: the answer itself changes."""

from collections.abc import Mapping
from decimal import Decimal
from random import Random

from teachers.builtin.draft import REASONING, Draft, RiderKind, Site, Unfit, plain
from teachers.builtin.numbers import is_prime, smallest_divisor
from teachers.builtin.task import Params, Value, show_result


def _number(site: Site) -> Decimal:
    number = site.number()
    if number is None:
        raise Unfit(f"the answer {site.value!r} is no number")
    return number


def _whole(site: Site, low: int = -(10**6), high: int = 10**6) -> int:
    whole = site.whole()
    if whole is None or not low <= whole <= high:
        raise Unfit(f"the answer {site.value!r} is no integer from {low} to {high}")
    return whole


def _keep(number: Decimal) -> int | Decimal:
    return int(number) if number == number.to_integral_value() else number


def _draw_linear(site: Site, rng: Random) -> Mapping[str, Value] | None:
    return {"factor": rng.randint(2, 9), "less": rng.randint(2, 60)}


def _linear(site: Site, draft: Draft, p: Params) -> None:
    old, factor, less = _number(site), p.whole("factor"), p.whole("less")
    if abs(old) > 10**7 or factor > 10**4 or less > 10**6:
        raise Unfit("the numbers grow out of hand")
    new = _keep(old * factor - less)
    shown = show_result(_keep(old), draft.language)
    sum_ = f"{shown} × {factor} - {less} = {{answer}}"
    draft.go_on(new, f"Going on from {shown}: {sum_}.", f"接着由{shown}计算：{sum_}。")


def _draw_remainder(site: Site, rng: Random) -> Mapping[str, Value] | None:
    return {"divisor": rng.choice([3, 4, 6, 7, 8, 9, 11, 12, 13])}


def _remainder(site: Site, draft: Draft, p: Params) -> None:
    old, divisor = _whole(site, 20), p.whole("divisor")
    if divisor < 2:
        raise Unfit("nothing is left of a division by 1")
    times, rest = divmod(old, divisor)
    draft.go_on(
        rest,
        f"Dividing {old} by {divisor} gives {times} times {divisor}, and {{answer}} remains.",
        f"{old}除以{divisor}商{times}，余数是{{answer}}。",
    )


def _digits(site: Site, draft: Draft, p: Params) -> None:
    old = _whole(site, 10)
    sum_ = " + ".join(str(old))
    draft.go_on(
        sum(int(d) for d in str(old)),
        f"The digits of {old} add up to {sum_} = {{answer}}.",
        f"{old}的各位数字之和为{sum_} = {{answer}}。",
    )


def _draw_mark(site: Site, rng: Random) -> Mapping[str, Value] | None:
    number = site.number()
    if number is None or abs(number) > 10**7:
        return None
    reach = max(10, abs(int(number)) // 2)
    return {"mark": max(1, int(number) + rng.randint(-reach, reach))}


def _compare(site: Site, draft: Draft, p: Params) -> None:
    old, mark = _number(site), p.whole("mark")
    shown = show_result(_keep(old), draft.language)
    gap = _keep(abs(old - mark))
    way = draft.say("above", "高于") if old > mark else draft.say("below", "低于")
    if old == mark:
        draft.go_on(0, f"{shown} equals {mark}, so the gap is {{answer}}.", f"{shown}等于{mark}，差距是{{answer}}。")
        return
    draft.go_on(gap, f"{shown} is {way} {mark}, and the gap is {{answer}}.", f"{shown}{way}{mark}，差距是{{answer}}。")


def _prime(site: Site, draft: Draft, p: Params) -> None:
    old = _whole(site, 2, 10**6)
    if is_prime(old):
        draft.go_on(
            draft.say("prime", "质数"),
            f"{old} has no divisor but 1 and itself, so it is {{answer}}.",
            f"{old}除了1和它本身没有别的因数，所以是{{answer}}。",
        )
        return
    divisor = smallest_divisor(old)
    draft.go_on(
        draft.say("not prime", "合数"),
        f"{old} = {divisor} × {old // divisor}, so it is {{answer}}.",
        f"{old} = {divisor} × {old // divisor}，所以是{{answer}}。",
    )


def _parity(site: Site, draft: Draft, p: Params) -> None:
    old = _whole(site)
    if old % 2:
        draft.go_on(
            draft.say("odd", "奇数"),
            f"{old} cannot be halved evenly, so it is {{answer}}.",
            f"{old}不能被2整除，是{{answer}}。",
        )
        return
    draft.go_on(
        draft.say("even", "偶数"),
        f"{old} = 2 × {old // 2}, so it is {{answer}}.",
        f"{old} = 2 × {old // 2}，是{{answer}}。",
    )


def _letters(site: Site, draft: Draft, p: Params) -> None:
    if not isinstance(site.value, str) or "\n" in site.value or len(site.value) > 60:
        raise Unfit("only a short text has letters worth counting")
    count = sum(char.isalnum() for char in site.value)
    draft.go_on(
        count,
        f'"{site.value}" has {{answer}} {"letter or digit" if count == 1 else "letters and digits"}.',
        f"“{site.value}”共有{{answer}}个文字或数字字符。",
    )


def _items(site: Site) -> tuple[str, ...]:
    if not isinstance(site.value, tuple) or not site.value:
        raise Unfit(f"the answer {site.value!r} is no list")
    return site.value


def _count(site: Site, draft: Draft, p: Params) -> None:
    items = _items(site)
    listed = show_result(items, draft.language)
    draft.go_on(
        len(items),
        f"Counting {listed} gives {{answer}} {'entry' if len(items) == 1 else 'entries'}.",
        f"数一数{listed}，共{{answer}}项。",
    )


def _ends(site: Site, draft: Draft, p: Params) -> None:
    items = _items(site)
    if len(items) < 3:
        raise Unfit("the list is too short to have a first and a last entry worth naming")
    ends = (items[0], items[-1])
    draft.go_on(ends, "Its first and its last entry are {answer}.", "其中第一项和最后一项是{answer}。")


def _reverse(site: Site, draft: Draft, p: Params) -> None:
    turned = tuple(reversed(_items(site)))
    draft.go_on(turned, "Turned round, the list is {answer}.", "倒过来的列表是{answer}。")


KINDS = (
    RiderKind(
        "linear", "increase_reasoning", REASONING,
        {
            "en": (
                "Then multiply the result by {factor:int}, subtract {less:int}, and report that value instead.",
                "Do not stop there: take {factor:int} times the result, remove {less:int}, and answer with what "
                "is left.",
                "As a next step, scale the result by a factor of {factor:int} and take away {less:int}; that is "
                "the answer we need.",
                "Finally, the number asked for is {factor:int} times this result minus {less:int}.",
            ),
            "zh": (
                "然后把结果乘以{factor:int}，再减去{less:int}，以此作为答案。",
                "先别停：取结果的{factor:int}倍，去掉{less:int}，回答剩下多少。",
                "下一步将结果放大到{factor:int}倍并减掉{less:int}，我们要的是这个数。",
                "最终要求的数，是上述结果的{factor:int}倍减{less:int}。",
            ),
        },
        _draw_linear, _linear,
    ),
    RiderKind(
        "remainder", "increase_reasoning", REASONING,
        {
            "en": (
                "Then divide the result by {divisor:int} and report only the remainder.",
                "The result is dealt out in groups of {divisor:int}; how many are left over? Answer with that number.",
                "Go one step further and give the remainder that the result leaves on division by {divisor:int}.",
                "What we need in the end is the result modulo {divisor:int}.",
            ),
            "zh": (
                "再把结果除以{divisor:int}，只回答余数。",
                "把这个结果每{divisor:int}个分成一组，最后余下几个？请回答这个数。",
                "请再进一步，给出结果除以{divisor:int}所得的余数。",
                "最后需要的是结果对{divisor:int}取模的值。",
            ),
        },
        _draw_remainder, _remainder,
    ),
    RiderKind(
        "digit_sum", "increase_reasoning", REASONING,
        {
            "en": (
                "Then add up the digits of the result and give that sum as the answer.",
                "The padlock opens with the digit sum of the result, so continue to that number.",
                "Take the reasoning one step on: what is the sum of the digits of the result?",
                "To get the final answer, sum all digits of the number you have found.",
            ),
            "zh": (
                "然后把结果的各位数字相加，以这个和作为答案。",
                "密码锁的密码是结果的各位数字之和，请继续算到那一步。",
                "再推一步：结果的各位数字加起来是多少？",
                "要得到最终答案，请把求得的数逐位相加。",
            ),
        },
        plain, _digits,
    ),
    RiderKind(
        "compare", "increase_reasoning", REASONING,
        {
            "en": (
                "Then compare the result with {mark:int} and answer with the gap between the two.",
                "Last year's value was {mark:int}; work out how far the result lies from it and give that distance.",
                "The target was {mark:int}, so the real question is by how much the result misses it.",
                "Set the result against the mark of {mark:int} and report the absolute difference.",
            ),
            "zh": (
                "再把结果与{mark:int}比较，回答两者的差距。",
                "去年的数值是{mark:int}，请算出结果与它相差多少，以此作答。",
                "目标是{mark:int}，真正要问的是结果与目标差了多少。",
                "请将结果同{mark:int}这一基准对照，报告差的绝对值。",
            ),
        },
        _draw_mark, _compare,
    ),
    RiderKind(
        "prime", "increase_reasoning", REASONING,
        {
            "en": (
                "Then decide whether the number you get is prime, and make \"prime\" or \"not prime\" your answer.",
                "Once you have the number, test it for primality; the answer is either \"prime\" or \"not prime\".",
                "In a second stage, examine whether the result has divisors other than 1 and itself: \"prime\" or "
                "\"not prime\"?",
                "What matters in the end is the kind of number: answer \"prime\" or \"not prime\".",
            ),
            "zh": (
                "然后判断得到的数是不是质数，回答“质数”或“合数”。",
                "求出这个数之后检验它的素性，答案是“质数”或“合数”之一。",
                "第二步请考察结果除了1和自身之外有无因数：“质数”还是“合数”？",
                "最后关心的是数的类型：请回答“质数”或“合数”。",
            ),
        },
        plain, _prime, group="kind_of_number",
    ),
    RiderKind(
        "parity", "increase_reasoning", REASONING,
        {
            "en": (
                "Then say whether that number is even or odd; the answer is \"even\" or \"odd\".",
                "The guests leave in pairs, so finish by deciding if the number is \"even\" or \"odd\".",
                "Only the parity counts in the end: answer \"even\" or \"odd\".",
                "After that, classify the result as \"even\" or \"odd\" and answer with the word.",
            ),
            "zh": (
                "再说明这个数是奇数还是偶数，答案为“奇数”或“偶数”。",
                "客人两两结伴离开，所以最后请判断这个数是“奇数”还是“偶数”。",
                "最终只看奇偶：请回答“奇数”或“偶数”。",
                "之后把结果归为“奇数”或“偶数”，用这个词作答。",
            ),
        },
        plain, _parity, group="kind_of_number",
    ),
    RiderKind(
        "letters", "increase_reasoning", REASONING,
        {
            "en": (
                "Then count the letters and digits of that answer and report the number instead.",
                "The label printer charges by the character: how many letters and digits does the answer have? "
                "Give that count.",
                "Continue by counting the answer's letters and digits, leaving out spaces and signs; that count "
                "is the answer.",
                "The crossword has one box for each letter or digit of this answer, so tell how many boxes are needed.",
            ),
            "zh": (
                "再数一数这个答案有多少个文字或数字字符，以个数作答。",
                "标签机按字收费：这个答案有几个文字或数字字符？请给出个数。",
                "接着清点答案中的文字和数字，空格与标点不算，这个数目才是最终答案。",
                "填字格里每个文字或数字占一格，请回答这个答案需要几格。",
            ),
        },
        plain, _letters,
    ),
    RiderKind(
        "count", "increase_reasoning", REASONING,
        {
            "en": (
                "Then count the entries of the list you have produced and answer with their number.",
                "In a further step, tell how many items the resulting list holds; that number is the answer.",
                "The clerk only needs to know how long this list is, so end with its number of entries.",
                "Having built the list, reduce it to a single figure: the count of its items.",
            ),
            "zh": (
                "然后数一数得到的列表有几项，以项数作答。",
                "再进一步，说出结果列表包含多少项，这个数才是答案。",
                "办事员只想知道列表有多长，所以最后请回答它的项数。",
                "列表整理好之后，再归结为一个数：它的项数。",
            ),
        },
        plain, _count,
    ),
    RiderKind(
        "ends", "increase_reasoning", REASONING,
        {
            "en": (
                "Then pick out the first and the last entry of the resulting list, and answer with just these two.",
                "From the finished list only both ends are wanted: its first and last item, in this order.",
                "Shorten the outcome to two entries, the one that opens the list and the one that closes it.",
                "After arranging everything, name merely the opening and the closing entry of the list.",
            ),
            "zh": (
                "然后从结果列表中挑出第一项和最后一项，只回答这两项。",
                "整理好的列表只要两端：按顺序写出首项和末项。",
                "把结果缩减为两项，即列表开头的一项和结尾的一项。",
                "全部排好之后，只报列表的头一项和末一项。",
            ),
        },
        plain, _ends,
    ),
    RiderKind(
        "reverse", "increase_reasoning", REASONING,
        {
            "en": (
                "Then turn the resulting list round, so that it ends with what came first.",
                "Once the list stands, read it backwards and answer with the items in that order.",
                "As the shelf is filled from the far end, the answer is the list in reverse.",
                "One more twist: hand in the list back to front.",
            ),
            "zh": (
                "然后把结果列表倒过来，让最前面的排到最后。",
                "列表定下之后从后往前读，按这个次序作答。",
                "货架要从里往外摆，所以答案是倒序的列表。",
                "再转个弯：请把列表首尾颠倒后交上来。",
            ),
        },
        plain, _reverse,
    ),
)  # fmt: skip
