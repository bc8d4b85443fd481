"""The error tree.

    InstructloomError
    ├── BadInput            exit 2: the user's recipe, seeds or arguments; nothing was written
    │   ├── RecipeError     a field of a recipe
    │   ├── SeedError       a seed file
    │   ├── DatasetError    a dataset, a version or a row that is not there
    │   └── EndpointError   a model that cannot be asked: unreachable, wrong key, unknown name
    └── RunFailed           exit 1: a run that started and could not go on
        ├── BudgetSpent         nothing is left to spend; what there is, is published
        ├── ConservationError   rows in and rows out of a stage do not balance
        └── CorruptRun          a file of an earlier run that cannot be read back

1. A *bad row* is never an error: it is data, with a reason (see ``schemas.stage.Reject``).
2. A *bad configuration* stops the run before the first call, as a ``BadInput``.
3. A message is one line: the field and the file, the value, the rule, the remedy.
4. Only the command line turns an error into an exit code; rooms below only raise.
"""


class InstructloomError(Exception):
    """Anything the command line shows as one line."""

    exit_code = 1


class BadInput(InstructloomError):
    """The user's input breaks a rule; nothing has been written."""

    exit_code = 2


class RecipeError(BadInput):
    """A recipe, or a field of one, is wrong."""


class SeedError(BadInput):
    """A seed file cannot be used."""


class DatasetError(BadInput):
    """A dataset, version or row was asked for and is not there."""


class EndpointError(BadInput):
    """A model cannot be asked: unreachable, refused key, unknown name."""


class RunFailed(InstructloomError):
    """A run started and could not go on."""


class BudgetSpent(RunFailed):
    """Nothing is left of a budget; the message is the limit's name, such as ``budget_usd``."""


class ConservationError(RunFailed):
    """Rows in and rows out of a stage do not balance."""


class CorruptRun(RunFailed):
    """A file that an earlier run left cannot be read back."""
