"""Geometry with exact answers: areas, perimeters, volumes, tiles, a path around a bed, circles in terms of π."""

from collections.abc import Callable
from decimal import Decimal

from teachers.builtin.family import Family, wording
from teachers.builtin.task import Draw, Params, Solution, Value, show_result, solved

_LARGE = ("fence", "path", "square")
_UNITS = {
    "m": ("metres", "米"),
    "cm": ("centimetres", "厘米"),
    "dm": ("decimetres", "分米"),
    "foot": ("feet", "英尺"),
    "inch": ("inches", "英寸"),
    "yard": ("yards", "码"),
}


def _draw(d: Draw) -> dict[str, Value]:
    rng, kind = d.rng, d.given["kind"]
    tile = rng.randint(2, 9)
    scale = {"tiles": tile, "square": 4}.get(str(kind), 1)
    a, b, c = sorted((rng.randint(3, 64) * scale for _ in range(3)), reverse=True)
    units = ("m", "foot", "yard") if kind in _LARGE else ("cm", "dm", "inch")
    gap = rng.randint(1, 5)
    return {"a": a, "b": b, "c": c, "tile": tile, "gap": gap, "unit": rng.choice(units)}


def _holds(p: Params) -> bool:
    kind = p.text("kind")
    if any(p.whole(name) < 1 for name in p if name not in ("kind", "unit")):
        return False
    if kind == "tiles":
        return p.whole("a") % p.whole("tile") == 0 and p.whole("b") % p.whole("tile") == 0
    if kind == "square":
        return p.whole("a") % 4 == 0
    return kind != "fence" or p.whole("gap") < p.whole("a")


def _unit(p: Params, power: int) -> str:
    unit = _UNITS[p.text("unit")]
    before = {1: ("", ""), 2: ("square ", "平方"), 3: ("cubic ", "立方")}[power]
    return p.say(before[0] + unit[0], before[1] + unit[1])


def _area(p: Params) -> Solution:
    a, b = p.whole("a"), p.whole("b")
    return solved(
        a * b,
        p,
        [p.say("Area = length × width.", "面积 = 长 × 宽。"), f"{a} × {b} = {a * b}"],
        p.say(f"The area is {{answer}} {_unit(p, 2)}.", f"面积是{{answer}}{_unit(p, 2)}。"),
    )


def _fence(p: Params) -> Solution:
    a, b, gap = p.whole("a"), p.whole("b"), p.whole("gap")
    around = 2 * (a + b)
    steps = [f"2 × ({a} + {b}) = {around}", f"{around} - {gap} = {around - gap}"]
    return solved(
        around - gap, p, steps, p.say(f"{{answer}} {_unit(p, 1)} are needed.", f"需要{{answer}}{_unit(p, 1)}。")
    )


def _volume(p: Params) -> Solution:
    a, b, c = p.whole("a"), p.whole("b"), p.whole("c")
    steps = [
        p.say(f"The base measures {a} × {b} = {a * b}.", f"底面积是{a} × {b} = {a * b}。"),
        f"{a * b} × {c} = {a * b * c}",
    ]
    return solved(
        a * b * c, p, steps, p.say(f"The volume is {{answer}} {_unit(p, 3)}.", f"体积是{{answer}}{_unit(p, 3)}。")
    )


def _triangle(p: Params) -> Solution:
    a, b = p.whole("a"), p.whole("b")
    area = Decimal(a * b) / 2
    steps = [
        p.say("A triangle is half of base × height.", "三角形面积是底 × 高的一半。"),
        f"{a} × {b} / 2 = {show_result(area, p.language)}",
    ]
    return solved(
        area, p, steps, p.say(f"The triangle has {{answer}} {_unit(p, 2)}.", f"三角形的面积是{{answer}}{_unit(p, 2)}。")
    )


def _path(p: Params) -> Solution:
    a, b, gap = p.whole("a"), p.whole("b"), p.whole("gap")
    outer = (a + 2 * gap) * (b + 2 * gap)
    steps = [
        p.say(
            f"With the path: ({a} + 2 × {gap}) × ({b} + 2 × {gap}) = {outer}.",
            f"连小路在内：({a} + 2 × {gap}) × ({b} + 2 × {gap}) = {outer}。",
        ),
        p.say(f"Without it: {a} × {b} = {a * b}.", f"不含小路：{a} × {b} = {a * b}。"),
        f"{outer} - {a * b} = {outer - a * b}",
    ]
    return solved(
        outer - a * b, p, steps, p.say(f"The path covers {{answer}} {_unit(p, 2)}.", f"小路占{{answer}}{_unit(p, 2)}。")
    )


def _tiles(p: Params) -> Solution:
    a, b, tile = p.whole("a"), p.whole("b"), p.whole("tile")
    rows, columns = a // tile, b // tile
    steps = [f"{a} / {tile} = {rows}", f"{b} / {tile} = {columns}", f"{rows} × {columns} = {rows * columns}"]
    return solved(rows * columns, p, steps, p.say("{answer} tiles are needed.", "需要{answer}块。"))


def _square(p: Params) -> Solution:
    around = p.whole("a")
    side = around // 4
    steps = [
        p.say(f"The side is {around} / 4 = {side}.", f"边长是{around} / 4 = {side}。"),
        f"{side} × {side} = {side * side}",
    ]
    return solved(
        side * side,
        p,
        steps,
        p.say(f"The square encloses {{answer}} {_unit(p, 2)}.", f"正方形围出{{answer}}{_unit(p, 2)}。"),
    )


def _circle(p: Params) -> Solution:
    radius = p.whole("a")
    steps = [
        p.say("The area of a circle is π × radius².", "圆的面积是π × 半径的平方。"),
        f"{radius} × {radius} = {radius**2}",
    ]
    return solved(
        f"{radius**2}π",
        p,
        steps,
        p.say(f"The disc has {{answer}} {_unit(p, 2)}.", f"圆面积是{{answer}}{_unit(p, 2)}。"),
    )


_SOLVERS: dict[str, Callable[[Params], Solution]] = {
    "area": _area,
    "fence": _fence,
    "volume": _volume,
    "triangle": _triangle,
    "path": _path,
    "tiles": _tiles,
    "square": _square,
    "circle": _circle,
}


def _solve(p: Params) -> Solution:
    return _SOLVERS[p.text("kind")](p)


FAMILY = Family(
    wordings={
        "en": (
            wording(
                "What area does {name} have for {items} on a rectangular table of {a:int} by {b:int} {unit:pick} at "
                "{place} during {event}?",
                kind="area",
            ),
            wording(
                "{name2} ropes off a rectangle, {a:int} {unit:pick} long and {b:int} wide, for {event} in {town} and "
                "leaves one opening of {gap:int}. How much rope goes around?",
                kind="fence",
            ),
            wording(
                "A box of {items} measures {a:int} × {b:int} × {c:int} {unit:pick}. {Place} must declare its volume "
                "{purpose}; state it for {name}.",
                kind="volume",
            ),
            wording(
                "Find the area of the triangular pennant hung up for {event}: {name} of {town} gives its base as "
                "{a:int} and its height as {b:int} {unit:pick}.",
                kind="triangle",
            ),
            wording(
                "Around the {a:int} by {b:int} {unit:pick} display of {items} at {place} runs a path {gap:int} "
                "{unit:pick} wide. {name2} wants to know how large the path alone is.",
                kind="path",
            ),
            wording(
                "The {role} covers a counter of {a:int} × {b:int} {unit:pick} in {town} with square tiles, "
                "{tile:int} {unit:pick} along each side. How many does {name} order before {event}?",
                kind="tiles",
            ),
            wording(
                "Exactly {a:int} {unit:pick} of ribbon enclose a square field for {items}, says {doc}. Compute for "
                "{name2} the area inside.",
                kind="square",
            ),
            wording(
                "{name} paints a round sign of radius {a:int} {unit:pick} for {place} {purpose}; express its area as "
                "a multiple of π.",
                kind="circle",
            ),
            wording(
                "Calculate the space inside the container that {name2} built in {town} for {event}, wall thickness "
                "aside.",
                "Length: {a:int}\nWidth: {b:int}\nHeight: {c:int}\nUnit: {unit:pick}",
                kind="volume",
            ),
        ),
        "zh": (
            wording(
                "{event}期间，{place}摆出一张长{a:int}、宽{b:int}{unit:pick}的长方形桌子，"
                "{name}放{items}的面积有多大？",
                kind="area",
            ),
            wording(
                "{name2}在{town}为{event}拉绳围长方形，长{a:int}{unit:pick}，宽{b:int}{unit:pick}，"
                "留一个{gap:int}{unit:pick}的口子，绳长多少？",
                kind="fence",
            ),
            wording(
                "一箱{items}的尺寸是{a:int} × {b:int} × {c:int}{unit:pick}，{place}为了{purpose}须申报体积，"
                "请替{name}写出。",
                kind="volume",
            ),
            wording(
                "求{event}所挂三角旗的面积：{town}的{name}说底边为{a:int}、高为{b:int}{unit:pick}。", kind="triangle"
            ),
            wording(
                "{place}的{items}展台长{a:int}、宽{b:int}{unit:pick}，四周有一圈宽{gap:int}{unit:pick}的小路。"
                "{name2}问：单是小路占多大？",
                kind="path",
            ),
            wording(
                "{role}要在{town}把{a:int} × {b:int}{unit:pick}的台面铺上边长{tile:int}{unit:pick}的方砖，"
                "{name}该在{event}前订几块？",
                kind="tiles",
            ),
            wording(
                "{doc}说，恰好{a:int}{unit:pick}丝带围成放{items}的正方形场地，请为{name2}计算里面的面积。",
                kind="square",
            ),
            wording(
                "为了{purpose}，{name}给{place}画了块半径{a:int}{unit:pick}的圆牌，面积请用π的倍数表示。", kind="circle"
            ),
            wording(
                "不计壁厚，算一算{name2}在{town}为{event}做的箱子能容下多少。",
                "长：{a:int}\n宽：{b:int}\n高：{c:int}\n单位：{unit:pick}",
                kind="volume",
            ),
        ),
    },
    draw=_draw,
    solve=_solve,
    holds=_holds,
    picks={"unit": _UNITS},
    vary={
        "a": ("the first measure", "第一个尺寸"),
        "b": ("the second measure", "第二个尺寸"),
        "gap": ("the last measure", "最后一个尺寸"),
    },
    rule=(
        "Write down the formula of the figure first, then put the measures in, all in one unit.",
        "先写出图形的公式，再把单位一致的尺寸代进去。",
    ),
)
