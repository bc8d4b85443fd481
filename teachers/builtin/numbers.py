"""Numbers in words, in Roman numerals and in plain facts (prime or not), English and Chinese."""

_ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["_", "_", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_DIGITS = "零一二三四五六七八九"
_ROMAN = (
    (1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"),
    (50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"),
)  # fmt: skip


def in_words(number: int, language: str) -> str:
    """``742`` as ``seven hundred and forty-two`` or 七百四十二. Up to 99 999 999."""
    if number < 0:
        return ("负" if language == "zh" else "minus ") + in_words(-number, language)
    return _chinese(number) if language == "zh" else _english(number)


def _english(number: int) -> str:
    if number < 20:
        return _ONES[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return _TENS[tens] + (f"-{_ONES[ones]}" if ones else "")
    if number < 1000:
        hundreds, rest = divmod(number, 100)
        return f"{_ONES[hundreds]} hundred" + (f" and {_english(rest)}" if rest else "")
    size, name = (1_000_000, "million") if number >= 1_000_000 else (1000, "thousand")
    large, rest = divmod(number, size)
    joint = " and " if 0 < rest < 100 else " "
    return f"{_english(large)} {name}" + (f"{joint}{_english(rest)}" if rest else "")


def _chinese(number: int) -> str:
    if number >= 10_000:
        large, rest = divmod(number, 10_000)
        zero = "零" if 0 < rest < 1000 else ""
        return f"{_chinese(large)}万" + (zero + _below_ten_thousand(rest) if rest else "")
    return _below_ten_thousand(number)


def _below_ten_thousand(number: int) -> str:
    if number < 10:
        return _DIGITS[number]
    text, waiting = "", False
    for unit, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit, number = divmod(number, unit)
        if digit:
            text += ("零" if waiting else "") + _DIGITS[digit] + name
            waiting = False
        else:
            waiting = bool(text)
    return text[1:] if text.startswith("一十") else text


def roman(number: int) -> str:
    """``1984`` as ``MCMLXXXIV``. From 1 to 3999."""
    text = ""
    for size, letters in _ROMAN:
        count, number = divmod(number, size)
        text += letters * count
    return text


def is_prime(number: int) -> bool:
    """Whether ``number`` is prime, by trial division."""
    return number > 1 and all(number % divisor for divisor in range(2, int(number**0.5) + 1))


def smallest_divisor(number: int) -> int:
    """The smallest divisor above 1 of a number above 1."""
    return next((d for d in range(2, int(number**0.5) + 1) if number % d == 0), number)


def noun(count: int, one: str) -> str:
    """The English noun as it stands after the number: ``1 letter``, ``2 letters``."""
    return one if count == 1 else f"{one}s"
