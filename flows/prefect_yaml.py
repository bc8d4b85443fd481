"""A deployment as an entry of ``prefect.yaml``, for those who use ``prefect deploy``."""

from pathlib import Path
from typing import Any

from prefect.workers.process import ProcessVariables
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from flows.deploy import ENTRYPOINT, STRATEGY, Deployment
from schemas.errors import BadInput

FILE = "prefect.yaml"


def write_yaml(checked: Deployment, folder: Path) -> Path:
    """Put the deployment into ``prefect.yaml`` in ``folder``, in place of one of the same name; the file's path.

    All else that the file has stays, its comments too.

    Raises:
        BadInput: there is a file that cannot be read as one.
    """
    file = folder / FILE
    yaml = YAML()
    yaml.width = 4096
    try:
        content = yaml.load(file.read_text(encoding="utf-8")) if file.exists() else {}
    except (YAMLError, UnicodeDecodeError) as error:
        raise BadInput(f"{file}: not valid YAML ({getattr(error, 'problem', error)}); mend or move it") from None
    except OSError as error:
        raise BadInput(f"{file}: cannot be read ({error.strerror}); mend or move it") from None
    content = {} if content is None else content
    entries = content.setdefault("deployments", []) if isinstance(content, dict) else None
    if not isinstance(entries, list | None) or not isinstance(content, dict):
        raise BadInput(f"{file}: `deployments` is not a list; mend or move the file")
    if entries is None:
        entries = content["deployments"] = []
    entry = as_entry(checked)
    for place, other in enumerate(entries):
        if isinstance(other, dict) and other.get("name") == checked.name:
            entries[place] = entry
            break
    else:
        entries.append(entry)
    with file.open("w", encoding="utf-8") as stream:
        yaml.dump(content, stream)
    return file


def as_entry(checked: Deployment) -> dict[str, Any]:
    """The deployment as ``prefect deploy`` reads it."""
    order = checked.order
    known = ProcessVariables.model_json_schema()["properties"]
    return {
        "name": checked.name,
        "version": checked.version,
        "description": checked.description,
        "tags": checked.tags,
        "entrypoint": ENTRYPOINT,
        # The code is installed where the worker is; without this Prefect would copy this folder for each run.
        "pull": [],
        "parameters": checked.parameters,
        "work_pool": {"name": order.pool, "job_variables": checked.job_variables(known)},
        "concurrency_limit": {"limit": 1, "collision_strategy": STRATEGY[order.overlap]},
        "schedules": [_schedule(order.schedule)] if order.schedule is not None else [],
        **({} if order.paused is None else {"paused": order.paused}),
    }


def _schedule(schedule: Any) -> dict[str, Any]:
    fields = schedule.model_dump(mode="json", exclude_none=True)
    if "interval" in fields:
        fields["interval"] = schedule.interval.total_seconds()
    return {**fields, "active": True}
