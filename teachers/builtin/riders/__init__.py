"""The evolutions, one file an operation (``add_constraints`` has two).

Each file has a ``KINDS`` tuple; ``kinds()`` is all of them by name.
"""

from functools import cache

from teachers.builtin.draft import RiderKind
from teachers.builtin.riders import answer_form, complicate_input, concretize, deepen, increase_reasoning, reply_frame


@cache
def kinds() -> dict[str, RiderKind]:
    """All rider kinds by name, in a fixed order."""
    rooms = (answer_form, reply_frame, deepen, concretize, increase_reasoning, complicate_input)
    return {kind.name: kind for room in rooms for kind in room.KINDS}


def of_operation(operation: str) -> list[RiderKind]:
    """The kinds of one operation."""
    return [kind for kind in kinds().values() if kind.operation == operation]
