"""Arithmetic story: a stock, deliveries in equal lots, a withdrawal; how many are there in the end?"""

from teachers.builtin.family import Family
from teachers.builtin.task import Draw, Params, Solution, Value, solved


def _draw(d: Draw) -> dict[str, Value]:
    lots, size = d.rng.randint(2, 24), d.rng.randint(3, 48)
    start = d.rng.randint(12, 480)
    return {"start": start, "lots": lots, "size": size, "gone": d.rng.randint(5, start + lots * size)}


def _holds(p: Params) -> bool:
    return p.whole("gone") <= p.whole("start") + p.whole("lots") * p.whole("size") and p.whole("lots") > 0


def _solve(p: Params) -> Solution:
    start, lots, size, gone = (p.whole(name) for name in ("start", "lots", "size", "gone"))
    new = lots * size
    items = p.word("items", "pieces", "件货")
    return solved(
        start + new - gone,
        p,
        [
            p.say(f"The new lots bring {lots} × {size} = {new}.", f"新到的共{lots} × {size} = {new}。"),
            p.say(f"With the {start} from before there are {start + new}.", f"加上原有的{start}，一共{start + new}。"),
            p.say(
                f"Taking away {gone} leaves {start + new} - {gone} = {start + new - gone}.",
                f"去掉{gone}，剩下{start + new} - {gone} = {start + new - gone}。",
            ),
        ],
        p.say(
            f"In the end there are {{answer}} {items}: {start} + {lots} × {size} - {gone}.",
            f"最后有{{answer}}（{items}）：{start} + {lots} × {size} - {gone}。",
        ),
    )


FAMILY = Family(
    wordings={
        "en": (
            "{name} starts the week at {place} with {start:int} {items}; {lots:int} {measures} of {size:int} "
            "arrive and "
            "{gone:int} pieces leave for {event}. How many remain?",
            "According to {doc}, {place} held {start:int} {items} on Monday. Since then {name} has unpacked "
            "{lots:int} {measures} "
            "with {size:int} in each, and customers took {gone:int}. What number belongs in tonight's entry?",
            "Before {event}, {name2} counts {start:int} {items}, then receives {lots:int} full {measures} "
            "({size:int} per unit). "
            "Once {gone:int} have been handed out in {town}, what is the balance?",
            "{gone:int} {items} went to {event} in {town}. Earlier, {start:int} had been in store and a van had "
            "dropped off "
            "{lots:int} {measures} holding {size:int} apiece. Calculate what {name} still has.",
            "How many {items} can {name} of {place} still offer if a stock of {start:int} grew by {lots:int} "
            "{measures} "
            "containing {size:int} each and {name2} then gave away {gone:int}?",
            "The {role} writes in {doc}: opening stock {start:int}, deliveries {lots:int} {measures} at "
            "{size:int} {items}, "
            "issued {gone:int}. Fill in the closing stock.",
            "{Place} in {town} must report its {items}: {start:int} on the shelf, {lots:int} {measures} with "
            "{size:int} inside "
            "each on the ramp, minus {gone:int} damaged ones. Give {name2} the total of good ones.",
        ),
        "zh": (
            "{name}周初在{place}有{start:int}份{items}，后来到货{lots:int}{measures}，每{measures}{size:int}份，"
            "又为{event}拿走{gone:int}份。还剩多少份？",
            "据{doc}记载，{place}周一存有{items}{start:int}份。此后{name}拆了{lots:int}{measures}，"
            "每{measures}装{size:int}份，"
            "顾客取走{gone:int}份。今晚该登记多少？",
            "{event}之前，{name2}点出{items}{start:int}份，"
            "接着收到满满{lots:int}{measures}（一{measures}{size:int}份）。"
            "在{town}发掉{gone:int}份之后，余额是几份？",
            "有{gone:int}份{items}送去了{town}的{event}。此前库里有{start:int}份，货车又卸下{lots:int}{measures}，"
            "每{measures}{size:int}份。请算出{name}手里还有多少份。",
            "{place}的{name}原有{items}{start:int}份，新添{lots:int}{measures}，每{measures}含{size:int}份，"
            "随后{name2}送出{gone:int}份，现在还能供应几份？",
            "{role}在{doc}里写道：期初{start:int}，入库{lots:int}{measures}、每{measures}{size:int}份{items}，"
            "出库{gone:int}。"
            "请补上期末数。",
            "{town}的{place}要上报{items}：架上{start:int}份，月台上{lots:int}{measures}、每{measures}{size:int}份，"
            "扣除损坏的{gone:int}份。请告诉{name2}完好的共有多少。",
        ),
    },
    draw=_draw,
    solve=_solve,
    holds=_holds,
    vary={
        "start": ("the opening stock", "原有数量"),
        "lots": ("the number of lots delivered", "到货的批数"),
        "size": ("the content of one lot", "每批的份数"),
        "gone": ("the quantity taken out", "取走的数量"),
    },
    rule=(
        "The rule is: closing stock = opening stock + lots × content of a lot - withdrawals.",
        "规则是：期末数 = 原有数 + 批数 × 每批份数 - 取走数。",
    ),
)
