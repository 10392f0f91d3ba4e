"""report.json as a text, and the JSON Schema of it, which is published as report.schema.json beside this file."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import ValidationError

from hypsegcli.errors import DataError, first_line
from hypsegcli.files.text import UnreadableTextError, read_text
from hypsegcli.metrics.records import SCHEMA_VERSION, Report

SCHEMA = Path(__file__).parent / "report.schema.json"


def report_to_json(report: Report) -> str:
    """The text of report.json."""
    return report.model_dump_json(indent=1) + "\n"


def read_report(path: Path) -> Report:
    """The report in a report.json; raises DataError where there is none, or one of another schema."""
    try:
        text = read_text(path)
        version = json.loads(text).get("schema_version")
        if version != SCHEMA_VERSION:
            raise DataError(f"{path}: has schema version {version}, this hypseg reads {SCHEMA_VERSION}; evaluate again")
        return Report.model_validate_json(text)
    except UnreadableTextError as error:
        raise DataError(f"{path}: cannot be read ({error}); name the report.json of an evaluation") from error
    except (ValidationError, ValueError, AttributeError, RecursionError) as error:
        raise DataError(f"{path}: is not a report of hypseg evaluate ({first_line(error)})") from error


def report_schema() -> str:
    """The JSON Schema as published."""
    return json.dumps(Report.model_json_schema(), indent=1) + "\n"
