"""A published version in Prefect's UI: the report, tables of rows, the card, the download, and an event.

Keys stay the same from run to run, so that the UI shows each artifact's history.
"""

import os
from uuid import UUID

from flows.prefect_api import announce, artifact_key, flow_run_id, logger, put_artifact, variable
from outputs.dataset import Dataset
from outputs.funnel import reasons_of
from outputs.report.markdown import card_markdown, download_markdown, report_markdown, sample_tables
from outputs.report.model import ReportData

PUBLISHED = "instructloom.dataset.published"
"""The event; its resource is ``instructloom.dataset.<name>``."""
DOWNLOAD_URL = "INSTRUCTLOOM_DOWNLOAD_URL"
"""The download server's address: in the environment, or in lower case a Prefect variable, which ``up`` sets."""
TABLES = {
    "accepted": "Rows that survived everything.",
    "similar-pairs": "Rows that are most alike, both texts, and what became of the second.",
    "evolution": "From a task to what it was evolved into, a line a step.",
}


def show_version(dataset: Dataset, data: ReportData | None) -> None:
    """Show a version in the UI, if there is one, and tell the automations that it is there.

    ``data`` is what its report holds; None where that could not be made.
    """
    flow_run = flow_run_id()
    if flow_run is None:
        return
    url = _version_url(dataset)
    if data is not None:
        _show_report(flow_run, dataset, data, url)
    name, manifest = dataset.manifest.dataset, dataset.manifest
    put_artifact(
        flow_run, "markdown", artifact_key(name, "card"), card_markdown(manifest), f"The card of {dataset.label}."
    )
    text = download_markdown(manifest, url)
    put_artifact(flow_run, "markdown", artifact_key(name, "download"), text, f"The files of {dataset.label}.")
    _log(dataset, url)
    labels = {"version": str(manifest.version), "complete": str(manifest.complete).lower()}
    announce(PUBLISHED, name, labels, _payload(dataset, url))


def _show_report(flow_run: UUID, dataset: Dataset, data: ReportData, url: str | None) -> None:
    name = dataset.manifest.dataset
    links = {"Download": f"{url}.zip", "Interactive report": f"{url}/report.html"} if url else {}
    report = report_markdown(data, links)
    put_artifact(flow_run, "markdown", artifact_key(name, "report"), report, f"How {dataset.label} was made.")
    for table, lines in sample_tables(data).items():
        told = TABLES.get(table, "What the stage dropped, by reason.")
        put_artifact(flow_run, "table", artifact_key(name, "rows", table), lines, told)


def _version_url(dataset: Dataset) -> str | None:
    base = os.environ.get(DOWNLOAD_URL) or variable(DOWNLOAD_URL.lower())
    return f"{base.rstrip('/')}/datasets/{dataset.manifest.dataset}/v{dataset.manifest.version}" if base else None


def _log(dataset: Dataset, url: str | None) -> None:
    manifest = dataset.manifest
    lost = ", ".join(f"{stage}: {reason} {count:,}" for stage, reason, count in reasons_of(manifest.funnel)[:5])
    log = logger()
    log.info(
        "published %s: %s rows (%s); dropped most: %s", dataset.label, f"{manifest.rows:,}", manifest.stop_reason, lost
    )
    if url:
        log.info("download: %s.zip", url)


def _payload(dataset: Dataset, url: str | None) -> dict[str, object]:
    manifest = dataset.manifest
    return {
        "dataset": manifest.dataset,
        "version": manifest.version,
        "rows": manifest.rows,
        "complete": manifest.complete,
        "stop_reason": manifest.stop_reason,
        "url": url,
        "folder": str(dataset.folder),
        "sha256": {shard.path: shard.sha256 for shard in manifest.files[:100]},
    }
