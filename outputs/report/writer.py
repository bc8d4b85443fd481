"""Writes ``report.html`` beside a version's card."""

from pathlib import Path

from outputs.files import write_text
from outputs.report.model import ReportData
from outputs.report.page import report_html

REPORT = "report.html"


def write_report(folder: Path, data: ReportData) -> Path:
    """Write the page into ``folder``, whole or not at all; gives its path."""
    path = folder / REPORT
    write_text(path, report_html(data))
    return path
