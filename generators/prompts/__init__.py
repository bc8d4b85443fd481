"""The prompt files: what they look like, how they are filled, and what they hash to.

``generators/prompts/<stage>/<name>.<language>.txt`` holds a ``[user]`` part and, before it, mostly a ``[system]``
part; each marker stands alone on its line. ``{{field}}`` is a placeholder. A ``[shape]`` part at the end is the hint
that asks for the reply as JSON; it is sent only where the endpoint keeps to a schema, and has no placeholders. This is
not a template language: there are no conditions and no loops; what is optional or repeated is put together by the stage
and filled in as one field.

See ``docs/prompts.md`` for the titles and the reply formats.
"""

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

from schemas.exchange import Message

FALLBACK = "en"
"""The language that every prompt has, and that any language without a file of its own gets."""

_PLACEHOLDER = re.compile(r"\{\{([a-z][a-z0-9_]*)\}\}")
_MARKER = re.compile(r"^\[(system|user|shape)\][ \t]*$", re.MULTILINE)
_HINT = re.compile(r"^\[shape\][ \t]*$.*", re.MULTILINE | re.DOTALL)
_ORDERS = [[*system, "user", *shape] for system in ([], ["system"]) for shape in ([], ["shape"])]


@dataclass(frozen=True, slots=True)
class Template:
    """One prompt file. ``system`` is "" where the request has no system message."""

    name: str
    language: str
    """The language the file is written in: the one asked for, or the fallback."""
    system: str
    user: str
    shape: str = ""
    """The hint that asks for a JSON reply; "" where the reply has no fixed form."""

    @property
    def title(self) -> str:
        """The first line of the system message if it is a heading (``# …``), else ""."""
        first = self.system.partition("\n")[0]
        return first if first.startswith("# ") else ""

    @property
    def fields(self) -> frozenset[str]:
        """The names of the placeholders."""
        return frozenset(_PLACEHOLDER.findall(f"{self.system}\n{self.user}"))

    def fill(self, **fields: str) -> tuple[Message, ...]:
        """The messages, with every placeholder replaced once; ``{{…}}`` inside a value stays as it is.

        Raises:
            ValueError: a field is missing, or one is given that the file does not use.
        """
        if fields.keys() != self.fields:
            missing, unused = sorted(self.fields - fields.keys()), sorted(fields.keys() - self.fields)
            raise ValueError(f"prompt {self.name}.{self.language}: missing fields {missing}, unused fields {unused}")
        parts = (("system", self.system), ("user", self.user))
        return tuple(
            Message(role, _PLACEHOLDER.sub(lambda match: fields[match[1]], text)) for role, text in parts if text
        )


@cache
def load(stage: str, name: str, language: str) -> Template:
    """The prompt ``name`` of ``stage`` in ``language``, or in English where there is no such file.

    Raises:
        FileNotFoundError: the stage has no such prompt.
        ValueError: the file has no ``[user]`` part, or parts in another order.
    """
    folder = _folder(stage)
    found = next((code for code in (language, FALLBACK) if folder.joinpath(f"{name}.{code}.txt").is_file()), None)
    if found is None:
        raise FileNotFoundError(f"generators/prompts/{stage}/ has no {name}.{FALLBACK}.txt; add it")
    return parse(f"{stage}/{name}", found, folder.joinpath(f"{name}.{found}.txt").read_text(encoding="utf-8"))


def parse(name: str, language: str, text: str) -> Template:
    """Read the text of a prompt file.

    Raises:
        ValueError: the file has no ``[user]`` part, or parts in another order.
    """
    before, *rest = _MARKER.split(text)
    markers, bodies = rest[::2], [body.strip() for body in rest[1::2]]
    if before.strip() or markers not in _ORDERS:
        raise ValueError(
            f"prompt {name}.{language}: found parts {markers}; write [system] and then [user], or [user],"
            " and [shape] after them where the reply has a fixed form"
        )
    parts = dict(zip(markers, bodies, strict=True))
    return Template(name, language, parts.get("system", ""), parts["user"], parts.get("shape", ""))


@cache
def digest(stage: str, *, shaped: bool = False) -> str:
    """A hash of all prompt files of a stage: rows made with other words are other rows.

    Without ``shaped`` the hints that ask for JSON are left out, since none of them is sent.
    """
    state = hashlib.blake2b(digest_size=16)
    folder = _folder(stage)
    if not folder.is_dir():  # respond sends the instruction as it is
        return ""
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if file.name.endswith(".txt"):
            text = file.read_text(encoding="utf-8")
            words = text if shaped else _HINT.sub("", text)
            state.update(f"{file.name}\0{words}\0".encode())
    return state.hexdigest()


def _folder(stage: str) -> Traversable:
    return resources.files(__name__).joinpath(stage)
