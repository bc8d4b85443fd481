"""String editing: turn a label round, count, strike or swap its letters (in Chinese: characters), take initials."""

from teachers.builtin.family import Family, wording
from teachers.builtin.numbers import noun
from teachers.builtin.task import Draw, Params, Solution, Value, solved

_COMMON = "aeiorstnl"
_LONGEST = 40


def _draw(d: Draw) -> dict[str, Value]:
    label = d.say(" ", "").join(d.goods(d.rng.randint(2, 3))).lower()
    known = [char for char in dict.fromkeys(label) if d.language == "zh" or char in _COMMON]
    letter = str(d.fixed("letter", d.rng.choice(known)))
    if letter not in label:
        # An instruction that names a letter must get a label that has it.
        at = d.rng.randrange(1, len(label))
        label = label[:at] + letter + label[at:]
    new = d.rng.choice([char for char in d.say("bdfgkmpuvz", "甲乙丙丁东南西北春秋") if char != letter])
    return {"label": label, "letter": letter, "new": new}


def _edited(p: Params) -> str | int:
    label = p.text("label")
    match p.text("way"):
        case "back":
            return label[::-1]
        case "count":
            return label.count(p.text("letter"))
        case "strike":
            return label.replace(p.text("letter"), "")
        case "swap":
            return label.replace(p.text("letter"), p.text("new"))
        case "odd":
            return "".join(char for char in label if char != " ")[::2]
        case "length":
            return sum(char.isalpha() for char in label)
    return "".join(word[0].upper() for word in label.split()) if p.language == "en" else label[0] + label[-1]


def _holds(p: Params) -> bool:
    label = p.text("label")
    if not 2 < len(label) <= _LONGEST or label != " ".join(label.split()) or label != label.lower():
        return False
    if "letter" in p and (p.text("letter") not in label or len(p.text("letter")) != 1):
        return False
    edited = str(_edited(p))
    return edited == " ".join(edited.split()) != "" and edited != label


def _solve(p: Params) -> Solution:
    # The spaces too: turned round or kept, they are part of the answer.
    space = p.say("(space)", "（空格）")
    label = p.text("label")
    spelt = p.say("-", "、").join(space if char == " " else char for char in label)
    steps = [p.say(f"Spelt out: {spelt}.", f"逐字写出：{spelt}。")]
    match p.text("way"):
        case "count":
            steps.append(p.say(f'The sign in question is "{p.text("letter")}".', f"要找的字是“{p.text('letter')}”。"))
            count = label.count(p.text("letter"))
            said = p.say(f"It occurs {{answer}} {noun(count, 'time')}.", "出现了{answer}次。")
            return solved(count, p, steps, said)
        case "length":
            steps.append(p.say("Only letters count.", "只数字，其他不算。"))
            return solved(_edited(p), p, steps, p.say("The number of letters is {answer}.", "共{answer}个字。"))
    steps.append(p.say(f"After the change: {_edited(p)}", f"改动之后：{_edited(p)}"))
    return solved(_edited(p), p, steps, p.say("The result is: {answer}", "结果是：{answer}"))


FAMILY = Family(
    wordings={
        "en": (
            wording('Spell "{label:text}" backwards, spaces included, for the puzzle that {name} sets at {event}.',
                    way="back"),
            wording('How often does the letter "{letter:text}" occur in "{label:text}", a line from {doc} of {place}?',
                    way="count"),
            wording('{name} has lost the "{letter:text}" of the stencil set at {place}. Write "{label:text}" with every '
                    'such letter left out.', way="strike"),
            wording('On a sign at {place} stands "{label:text}". Put "{new:text}" wherever it has '
                    '"{letter:text}" and show {name2} the new wording.', way="swap"),
            wording('To tag {measures} for {event}, form the capital initials of the words in "{label:text}" '
                    'without any dots.', way="initials"),
            wording('"{label:text}" is to be carved by the {role} for {event}: how many letters, not counting spaces, does '
                    '{name} pay for?', way="length"),
            wording("Delete each \"{letter:text}\" from the label that {name} of {place} printed {purpose}.",
                    "{label:text}", way="strike"),
            wording("{name2} makes secret words for {event} in {town}: drop the spaces of the text, then keep its "
                    "first, "
                    "third, fifth letter and so on.", "{label:text}", way="odd"),
            wording("Reverse the characters of the entry which the {role} took from {doc} while packing {items}.",
                    "{label:text}", way="back"),
        ),
        "zh": (
            wording("{event}上{name}出了道谜：把“{label:text}”从后往前写，会得到什么？", way="back"),
            wording("“{label:text}”是{place}{doc}里的一行，其中“{letter:text}”字出现几次？", way="count"),
            wording("{place}的{name}弄丢了“{letter:text}”字印章。请写出“{label:text}”去掉所有这个字之后的样子。",
                    way="strike"),
            wording("{place}的牌子上写着“{label:text}”。凡是“{letter:text}”都换成“{new:text}”，请把新牌文给{name2}看。",
                    way="swap"),
            wording("给{event}的每{measures}贴签时，只取“{label:text}”的首字和末字连写，签上是什么？", way="initials"),
            wording("{role}要为{event}刻“{label:text}”这几个字，按字收费，{name}要付几个字的钱？", way="length"),
            wording("{place}的{name}为了{purpose}印了下面的标签，请删去其中每个“{letter:text}”字。",
                    "{label:text}", way="strike"),
            wording("{name2}在{town}给{event}编暗号：只留下文字的第一、第三、第五个字，依此类推。请写出暗号。",
                    "{label:text}", way="odd"),
            wording("{role}整理{items}时从{doc}抄来一条，请把它的字序颠倒过来。", "{label:text}", way="back"),
        ),
    },
    draw=_draw,
    solve=_solve,
    holds=_holds,
    rule=(
        "Write the text letter by letter and treat one letter at a time, in order.",
        "把文字逐字拆开，按顺序一个字一个字地处理。",
    ),
)  # fmt: skip
