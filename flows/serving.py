"""``instructloom teacher serve``: the offline teacher as an OpenAI-compatible endpoint."""

from collections.abc import Sequence

from rich.console import Console

from flows.recipe_file import validated
from schemas.errors import BadInput
from schemas.faults import Faults


def serve_teacher(host: str, port: int, faults: Sequence[str], out: Console) -> None:
    """Serve until interrupted.

    Raises:
        BadInput: a fault that is not ``kind=rate``.
    """
    from teachers.builtin.server import serve  # starlette and uvicorn: only who serves pays for them

    checked = validated(Faults, dict(_pair(fault) for fault in faults), "--fault")
    out.print(f"The offline teacher listens on http://{host}:{port}/v1 (model name: builtin). Ctrl-C stops it.")
    serve(host, port, checked)


def _pair(fault: str) -> tuple[str, str]:
    kind, sign, rate = fault.partition("=")
    if not sign:
        raise BadInput(
            f"--fault {fault}: give KIND=RATE, such as rate_limit=0.1; kinds: {', '.join(Faults.model_fields)}"
        )
    return kind.strip(), rate.strip()
