"""The command line, for tests of ``up``: with something that listens in the place of the download server, as long as
there is none.
"""

from flows import cli, services
from flows.children import leashed


def _leashed(module: str, *arguments: str, patience: float) -> list[str]:
    if module != "flows.cli":
        return leashed(module, *arguments, patience=patience)
    host, port = arguments[arguments.index("--host") + 1], arguments[arguments.index("--port") + 1]
    return leashed("http.server", port, "--bind", host, patience=patience)


if __name__ == "__main__":
    if not any(command.callback.__name__ == "serve" for command in cli.app.registered_commands if command.callback):
        services.leashed = _leashed  # type: ignore[attr-defined]  # imported there
    cli.main()
