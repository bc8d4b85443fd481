"""Number theory in small stories: common divisors and multiples, primes, factors, digit sums, divisibility."""

from collections.abc import Callable
from math import gcd, lcm

from teachers.builtin.family import Family, wording
from teachers.builtin.numbers import is_prime, smallest_divisor
from teachers.builtin.task import Draw, Params, Solution, Value, show_result, solved


def _draw(d: Draw) -> dict[str, Value]:
    rng, kind = d.rng, d.given["kind"]
    common = rng.randint(4, 45)
    a, b = rng.sample(range(2, 24), 2)
    low = rng.randint(8, 260)
    by = rng.randint(3, 12)
    times = common if kind == "gcd" else 1
    few = [rng.randint(2, 90) * by for _ in range(rng.randint(2, 4))]
    numbers = [*few, *(rng.randint(10, 900) for _ in range(3))]
    rng.shuffle(numbers)
    return {
        "a": a * times,
        "b": b * times,
        "low": low,
        "high": low + rng.randint(14, 45),
        "n": rng.randint(24, 999) if kind != "digits" else rng.randint(10_000, 99_999_999),
        "by": d.fixed("by", by),
        "numbers": tuple(dict.fromkeys(numbers)),
    }


def _primes(p: Params) -> tuple[str, ...]:
    return tuple(str(n) for n in range(p.whole("low"), p.whole("high") + 1) if is_prime(n))


def _multiples(p: Params) -> tuple[str, ...]:
    return tuple(str(n) for n in p.wholes("numbers") if n % p.whole("by") == 0)


def _holds(p: Params) -> bool:
    kind = p.text("kind")
    if any(isinstance(value, int) and not 1 < value < 10**9 for value in p.values()):
        return False
    if kind == "primes":
        return p.whole("high") - p.whole("low") < 300 and p.whole("high") < 10**6 and len(_primes(p)) > 1
    if kind == "multiples":
        return len(_multiples(p)) > 1
    if kind in ("factors", "divisors"):
        return p.whole("n") < 10**6 and not is_prime(p.whole("n"))
    return kind not in ("gcd", "lcm") or (
        p.whole("a") != p.whole("b") and (kind == "lcm" or gcd(p.whole("a"), p.whole("b")) > 1)
    )


def _gcd(p: Params) -> Solution:
    a, b = max(p.whole("a"), p.whole("b")), min(p.whole("a"), p.whole("b"))
    steps = []
    while b:
        steps.append(f"{a} = {a // b} × {b} + {a % b}")
        a, b = b, a % b
    return solved(a, p, steps, p.say("The greatest common divisor is {answer}.", "最大公约数是{answer}。"))


def _lcm(p: Params) -> Solution:
    a, b = p.whole("a"), p.whole("b")
    common = gcd(a, b)
    steps = [
        p.say(f"The greatest common divisor of {a} and {b} is {common}.", f"{a}和{b}的最大公约数是{common}。"),
        f"{a} × {b} / {common} = {lcm(a, b)}",
    ]
    return solved(lcm(a, b), p, steps, p.say("The least common multiple is {answer}.", "最小公倍数是{answer}。"))


def _prime_list(p: Params) -> Solution:
    odd = [n for n in range(p.whole("low"), p.whole("high") + 1) if n % 2 and not is_prime(n) and n > 1]
    struck = tuple(f"{n} = {smallest_divisor(n)} × {n // smallest_divisor(n)}" for n in odd)
    steps = [p.say("Of the even numbers only 2 is prime.", "偶数里只有2是质数。")]
    if struck:
        steps.append(p.say(f"Struck as well: {'; '.join(struck)}.", f"还要划掉：{'；'.join(struck)}。"))
    steps.append(p.say(f"What remains: {show_result(_primes(p), 'en')}.", f"剩下：{show_result(_primes(p), 'zh')}。"))
    return solved(_primes(p), p, steps, p.say("The primes are {answer}.", "质数有{answer}。"))


def _factors(p: Params) -> Solution:
    rest, factors, steps = p.whole("n"), list[str](), list[str]()
    while rest > 1:
        divisor = smallest_divisor(rest)
        steps.append(f"{rest} / {divisor} = {rest // divisor}")
        factors.append(str(divisor))
        rest //= divisor
    return solved(
        " × ".join(factors), p, steps, p.say(f"{p.whole('n')} = {{answer}}.", f"{p.whole('n')} = {{answer}}。")
    )


def _divisors(p: Params) -> Solution:
    n = p.whole("n")
    found = tuple(str(d) for d in range(1, n + 1) if n % d == 0)
    steps = [
        p.say(f"The divisors are {show_result(found, 'en')}.", f"因数有{show_result(found, 'zh')}。"),
        p.say(f"There are {len(found)} of them.", f"共{len(found)}个。"),
    ]
    return solved(len(found), p, steps, p.say(f"{n} has {{answer}} divisors.", f"{n}有{{answer}}个因数。"))


def _digits(p: Params) -> Solution:
    n = p.whole("n")
    total = sum(int(digit) for digit in str(n))
    return solved(
        total,
        p,
        [f"{' + '.join(str(n))} = {total}"],
        p.say(f"The digit sum of {n} is {{answer}}.", f"{n}的各位数字之和是{{answer}}。"),
    )


def _divisible(p: Params) -> Solution:
    by = p.whole("by")
    steps = [p.say(f"{n} leaves {n % by}.", f"{n}余{n % by}。") for n in p.wholes("numbers")]
    return solved(_multiples(p), p, steps, p.say(f"Divisible by {by} are {{answer}}.", f"能被{by}整除的有{{answer}}。"))


_SOLVERS: dict[str, Callable[[Params], Solution]] = {
    "gcd": _gcd,
    "lcm": _lcm,
    "primes": _prime_list,
    "factors": _factors,
    "divisors": _divisors,
    "digits": _digits,
    "multiples": _divisible,
}


def _solve(p: Params) -> Solution:
    return _SOLVERS[p.text("kind")](p)


FAMILY = Family(
    wordings={
        "en": (
            wording(
                "{a:int} {items} and {b:int} vouchers fill identical bags for {event}, nothing left over. How many "
                "bags at most can {name} of {place} hand out in {town}?",
                kind="gcd",
            ),
            wording(
                "One lorry calls at {place} every {a:int} days, another every {b:int}; on {event} both came. How "
                "many days later does {name2} from {town} meet both again {purpose}?",
                kind="lcm",
            ),
            wording(
                "Shelves {low:int} to {high:int} of {place}, both included: list the prime numbers among them for "
                "{name} in {town} {purpose}.",
                kind="primes",
            ),
            wording(
                "Write {n:int}, the count of {items} in {doc}, as a product of rising primes; {name2} of {place} "
                "asks for it {purpose}.",
                kind="factors",
            ),
            wording(
                "The {role} sets up {n:int} {items} in full, equal rows for {event}. How many row lengths work, 1 "
                "and {n:int} included, {name} from {town} asks?",
                kind="divisors",
            ),
            wording(
                "What is the digit sum of {n:int}, the serial number on {doc}? {name} from {town} opens a locker at "
                "{place} with it {purpose}.",
                kind="digits",
            ),
            wording(
                "Pick the numbers which {by:int} divides without remainder and hand them, in the order given, to "
                "{name2} at {place} {purpose}.",
                "From {doc}, for {event}: {numbers:ints}",
                kind="multiples",
            ),
            wording(
                "Which largest whole length fits exactly into {a:int} and into {b:int} centimetres of ribbon? "
                "{name2} from {town} cuts it for {event} {purpose}.",
                kind="gcd",
            ),
        ),
        "zh": (
            wording(
                "{a:int}份{items}和{b:int}张优惠券要装成完全相同的礼袋，一样不剩，用于{event}。"
                "{place}的{name}在{town}最多能发几袋？",
                kind="gcd",
            ),
            wording(
                "一辆货车每{a:int}天到{place}，另一辆每{b:int}天到，{event}那天齐来。"
                "{town}的{name2}为了{purpose}要再等几天才又碰上两车？",
                kind="lcm",
            ),
            wording(
                "{place}的货架编号为{low:int}到{high:int}（含两端），请替{town}的{name}列出其中的质数，以便{purpose}。",
                kind="primes",
            ),
            wording(
                "{doc}里{items}的数目是{n:int}，{place}的{name2}为了{purpose}要把它分解质因数，请从小到大写成乘积。",
                kind="factors",
            ),
            wording(
                "{role}为{event}把{n:int}份{items}排成一样长的满行，{town}的{name}问："
                "每行的个数有几种可能（1和{n:int}也算）？",
                kind="divisors",
            ),
            wording(
                "{doc}上序列号{n:int}的各位数字之和是多少？{town}的{name}要用它打开{place}的储物柜，好{purpose}。",
                kind="digits",
            ),
            wording(
                "挑出能被{by:int}整除的数，按原来的次序交给{place}的{name2}，好{purpose}。",
                "{doc}所载，用于{event}：{numbers:ints}",
                kind="multiples",
            ),
            wording(
                "{town}的{name2}为{event}把{a:int}和{b:int}厘米的两条丝带剪成等长的整厘米段，毫无浪费，"
                "以便{purpose}。每段最长几厘米？",
                kind="gcd",
            ),
        ),
    },
    draw=_draw,
    solve=_solve,
    holds=_holds,
    vary={
        "a": ("the first number", "第一个数"),
        "b": ("the second number", "第二个数"),
        "n": ("the number in question", "所给的数"),
        "high": ("the highest number", "最大的编号"),
    },
    rule=(
        "Break the numbers into primes: shared primes make the common divisor, all of them the common multiple.",
        "把数分解成质因数：公有的质因数之积是公约数，合起来得公倍数。",
    ),
)
