"""Walking on a grid: where does one end up after steps by compass, or by turns to the left and to the right?"""

import re

from teachers.builtin.family import Family, wording
from teachers.builtin.task import Draw, Params, Solution, Value, solved

_WAYS = {"north": (0, 1), "east": (1, 0), "south": (0, -1), "west": (-1, 0)}
_CHINESE = {"北": "north", "东": "east", "南": "south", "西": "west"}
_COMPASS = re.compile(r"(\d+) (north|east|south|west)|([东南西北])(\d+)")
_AHEAD = re.compile(r"ahead (\d+)|前进(\d+)")
_TURNS = {"turn right": 1, "turn left": -1, "右转": 1, "左转": -1}
_ZH = {way: sign for sign, way in _CHINESE.items()}


def _draw(d: Draw) -> dict[str, Value]:
    count = d.rng.randint(4, 6)
    moves = [_compass(d, d.rng.choice(list(_WAYS)), d.rng.randint(1, 12)) for _ in range(count)]
    turns = [_ahead(d)]
    for _ in range(count - 2):
        turns += [d.say(*d.rng.choice([("turn left", "左转"), ("turn right", "右转")])), _ahead(d)]
    path = turns if d.given.get("by") == "turns" else moves
    return {
        "path": tuple(path),
        "x": d.rng.randint(-9, 9),
        "y": d.rng.randint(-9, 9),
        "face": d.rng.choice(list(_WAYS)),
    }


def _compass(d: Draw, way: str, steps: int) -> str:
    return d.say(f"{steps} {way}", f"{_ZH[way]}{steps}")


def _ahead(d: Draw) -> str:
    steps = d.rng.randint(1, 12)
    return d.say(f"ahead {steps}", f"前进{steps}")


def _points(p: Params) -> list[tuple[int, int]]:
    """The start and the point after each instruction; a turn stays put.

    Raises:
        ValueError: an instruction is none that is known.
    """
    points = [(p.whole("x"), p.whole("y")) if "x" in p else (0, 0)]
    order = list(_WAYS)
    face = p.text("face") if "face" in p else "north"
    for move in p.texts("path"):
        compass, ahead = _COMPASS.fullmatch(move), _AHEAD.fullmatch(move)
        way, steps = face, 0
        if compass:
            way, steps = compass[2] or _CHINESE[compass[3]], int(compass[1] or compass[4])
        elif ahead:
            steps = int(ahead[1] or ahead[2])
        elif move in _TURNS:
            face = order[(order.index(face) + _TURNS[move]) % 4]
        else:
            raise ValueError(f"{move!r} is no instruction")
        (x, y), (east, north) = points[-1], _WAYS[way]
        points.append((x + east * steps, y + north * steps))
    return points


def _solve(p: Params) -> Solution:
    points = _points(p)
    steps = [
        p.say(f"After {move}: ({x}, {y})", f"{move}之后：({x}, {y})")
        for move, (x, y) in zip(p.texts("path"), points[1:], strict=True)
    ]
    (x0, y0), (x, y) = points[0], points[-1]
    if p.text("ask") == "place":
        return solved(f"({x}, {y})", p, steps, p.say("The walk ends at {answer}.", "最后到达{answer}。"))
    away = abs(x - x0) + abs(y - y0)
    steps.append(f"|{x} - {x0}| + |{y} - {y0}| = {away}".replace("- -", "+ "))
    return solved(away, p, steps, p.say("The way back is {answer} squares long.", "回程为{answer}格。"))


FAMILY = Family(
    wordings={
        "en": (
            wording("Map of {town}: {name} leaves {place}, square ({x:int}, {y:int}), and goes {path:list}. Where does "
                    "that end, east being +x and north +y?", by="compass", ask="place"),
            wording("A cart of {items} rolls {path:list} out of {place}. How many squares off is it now, moving only "
                    "along the grid?", by="compass", ask="home"),
            wording("{name2} stands at (0, 0) during {event}, looking {face:pick}, and obeys: {path:list}. Note "
                    "the final "
                    "point (east +x, north +y) in {doc}.", by="turns", ask="place"),
            wording("Built {purpose}, the robot of the {role} faces {face:pick}; {path:list}. By grid, what is its "
                    "distance home?", by="turns", ask="home"),
            wording("Treasure hunt at {event}, {town}: from ({x:int}, {y:int}), with x eastward and y northward, which "
                    "point does {name} dig at?", "{path:list}", by="compass", ask="place"),
            wording("{name2}, {a_role}, steers a toy crane past {items}: it looks {face:pick} at (0, 0). Give its last "
                    "coordinates.", "{path:list}", by="turns", ask="place"),
            wording("{name} strolls off {purpose}, leaving {place} behind. Compute the block distance back from "
                    "the end "
                    "of the walk in {town}.", "{path:list}", by="compass", ask="home"),
            wording("According to {doc}, the drone for {event} took off facing {face:pick}. How far, in grid "
                    "units, must "
                    "{name2} of {place} carry it back?", "{path:list}", by="turns", ask="home"),
        ),
        "zh": (
            wording("{town}地图：{name}离开{place}所在的格({x:int}, {y:int})，依次走{path:list}。以东为+x、北为+y，"
                    "终点是？",
                    by="compass", ask="place"),
            wording("一车{items}从{place}出来，走了{path:list}。只沿格线算，它离起点几格？", by="compass", ask="home"),
            wording("{event}上{name2}面朝{face:pick}站在(0, 0)，照口令走：{path:list}。请把最终的点（东+x、"
                    "北+y）记进{doc}。",
                    by="turns", ask="place"),
            wording("{role}为了{purpose}造了机器人，它面朝{face:pick}，{path:list}。沿格线回家有多远？", by="turns", ask="home"),
            wording("{town}{event}寻宝：从({x:int}, {y:int})出发，x向东、y向北，{name}该在哪一点开挖？",
                    "{path:list}", by="compass", ask="place"),
            wording("{role}{name2}操纵玩具吊车绕过{items}：起点(0, 0)，面朝{face:pick}。请给出最后的坐标。",
                    "{path:list}", by="turns", ask="place"),
            wording("{name}为了{purpose}走出{place}，在{town}逛了一圈，请算出从终点返回的街区距离。",
                    "{path:list}", by="compass", ask="home"),
            wording("据{doc}，{event}的无人机起飞时面朝{face:pick}。{place}的{name2}要走几格把它取回？",
                    "{path:list}", by="turns", ask="home"),
        ),
    },
    draw=_draw,
    solve=_solve,
    holds=lambda p: len(set(_points(p))) > 2 and _points(p)[0] != _points(p)[-1],
    picks={"face": {way: (way, _ZH[way]) for way in _WAYS}},
    vary={
        "x": ("the first coordinate of the start", "起点的第一个坐标"),
        "y": ("the second coordinate of the start", "起点的第二个坐标"),
    },
    rule=(
        "Keep the two coordinates apart: east and west change the first, north and south the second.",
        "两个坐标分开算：东西改变第一个，南北改变第二个。",
    ),
)  # fmt: skip
