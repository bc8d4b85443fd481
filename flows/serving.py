"""``instructloom teacher serve``: the offline teacher as an OpenAI-compatible endpoint."""

import json
from collections.abc import Sequence
from typing import Any

from rich.console import Console

from flows.recipe_file import validated
from schemas.errors import BadInput
from schemas.faults import Faults
from schemas.serving import Serving


def serve_teacher(
    host: str, port: int, faults: Sequence[str], pace: dict[str, Any], serving: dict[str, Any], out: Console
) -> None:
    """Serve until interrupted, then print what was served. ``pace`` and ``serving``: fields; ``None`` is the default.

    Raises:
        BadInput: a fault that is not ``kind=rate``, or a field out of range.
    """
    from teachers.builtin.server import serve  # starlette and uvicorn: only who serves pays for them

    named = dict(_pair(fault) for fault in faults)
    checked = validated(Faults, {**named, **_given(pace)}, "teacher serve")
    settings = validated(Serving, _given(serving), "teacher serve")

    def ready(url: str) -> None:
        out.print(f"The offline teacher listens on {url} (model name: builtin). Ctrl-C stops it.", soft_wrap=True)

    stats = serve(host, port, checked, ready, settings)
    out.print(f"Served: {json.dumps(stats)}", soft_wrap=True, markup=False)


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _pair(fault: str) -> tuple[str, str]:
    kind, sign, rate = fault.partition("=")
    if not sign:
        raise BadInput(
            f"--fault {fault}: give KIND=RATE, such as rate_limit=0.1; kinds: {', '.join(Faults.model_fields)}"
        )
    return kind.strip(), rate.strip()
