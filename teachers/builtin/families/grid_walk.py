"""Walking on a grid: where does one end up after steps by compass, or by turns to the left and to the right?"""

import re

from teachers.builtin.family import Family, wording
from teachers.builtin.task import Draw, Params, Solution, Value, solved

_WAYS = {"north": (0, 1), "east": (1, 0), "south": (0, -1), "west": (-1, 0)}
_CHINESE = {"北": "north", "东": "east", "南": "south", "西": "west"}
_COMPASS = re.compile(r"(\d+) (north|east|south|west)|向([东南西北])(\d+)步")
_AHEAD = re.compile(r"ahead (\d+)|前进(\d+)步")
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
    return d.say(f"{steps} {way}", f"向{_ZH[way]}{steps}步")


def _ahead(d: Draw) -> str:
    steps = d.rng.randint(1, 12)
    return d.say(f"ahead {steps}", f"前进{steps}步")


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
    return solved(away, p, steps, p.say("The way back takes {answer} steps.", "回去要走{answer}步。"))


FAMILY = Family(
    wordings={
        "en": (
            wording("On the grid plan of {town}, {name} leaves {place} at ({x:int}, {y:int}) and walks {path:list}; north "
                    "raises the second coordinate, east the first. At which point does the walk end?",
                    by="compass", ask="place"),
            wording("A cart with {items} rolls {path:list} from the loading point of {place}. How many grid steps "
                    "separate it from there now?", by="compass", ask="home"),
            wording("{name2} starts at (0, 0) looking {face:pick} and obeys: {path:list}. Give the final coordinates "
                    "for {doc}, with x to the east and y to the north.", by="turns", ask="place"),
            wording("The robot bought for {event} faces {face:pick} and carries out {path:list}. What is the grid "
                    "distance in steps back to the {role} who sent it off?", by="turns", ask="home"),
            wording("Follow the treasure route of {event} in {town} from ({x:int}, {y:int}), x growing eastwards and y "
                    "northwards, and tell {name} the last point.", "{path:list}", by="compass", ask="place"),
            wording("A toy crane at {place} looks {face:pick} and gets commands from {name2}. Where does it stand in "
                    "the end, seen from its start (0, 0)?", "{path:list}", by="turns", ask="place"),
            wording("{name} strolls from {place} {purpose}. Along the streets, whose blocks count one step each, how far "
                    "is the shortest way home afterwards?", "{path:list}", by="compass", ask="home"),
        ),
        "zh": (
            wording("在{town}的方格图上，{name}从{place}（坐标({x:int}, {y:int})）出发，{path:list}。"
                    "向北使第二个坐标增大，向东使第一个增大。终点在哪里？", by="compass", ask="place"),
            wording("一车{items}从{place}的装货点{path:list}。沿方格走，它现在离那里有几步？", by="compass", ask="home"),
            wording("{name2}面朝{face:pick}站在(0, 0)，照着口令走：{path:list}。x向东、y向北，请把最终坐标写进{doc}。",
                    by="turns", ask="place"),
            wording("为{event}买的机器人面朝{face:pick}，执行{path:list}。沿格线回到送它出门的{role}那里要走几步？",
                    by="turns", ask="home"),
            wording("{event}在{town}设了寻宝路线，起点({x:int}, {y:int})，x向东增、y向北增。请告诉{name}最后一点。",
                    "{path:list}", by="compass", ask="place"),
            wording("{place}的玩具吊车面朝{face:pick}，听{name2}指挥。若起点是(0, 0)，它最终停在何处？",
                    "{path:list}", by="turns", ask="place"),
            wording("{name}为了{purpose}从{place}出去转了一圈。街区每格算一步，之后最短几步能回来？",
                    "{path:list}", by="compass", ask="home"),
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
