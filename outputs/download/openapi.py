"""What the server answers, as OpenAPI 3.1 says it."""

from importlib.metadata import version
from typing import Any

from outputs.download.files import TYPES
from outputs.download.paths import NAME, NUMBER, SHARD

Json = dict[str, Any]

_VERSION = rf"^(v{NUMBER}|latest)$"
_REFUSED = {"401": "A token is wanted.", "421": "The server is not called so.", "503": "Not at the moment."}
_INTEGER, _TEXT = {"type": "integer"}, {"type": "string"}
_URL = {"type": "string", "format": "uri"}


def description(archives: bool, token: bool) -> Json:
    """The document; ``archives``: whether versions can be had as one file; ``token``: whether one is wanted."""
    kinds = {"zip": "A version as a zip.", "tar": "A version as a tar."} if archives else {}
    files = {
        "/data/{file}.parquet": ("A shard of rows.", ".parquet", True),
        "/rejects/{file}.parquet": ("A shard of rejected rows.", ".parquet", True),
        "/README.md": ("The card.", ".md", False),
        "/manifest.json": ("Recipe, seeds, funnel, usage; rows, bytes and sha256 of each shard.", ".json", False),
        "/report.html": ("The report, where the version has one.", ".html", False),
    }
    version_path = "/datasets/{name}/{version}"
    return {
        "openapi": "3.1.0",
        "info": {"title": "instructloom datasets", "version": version("instructloom")},
        "security": [{"bearer": []}, {"basic": []}] if token else [],
        "paths": {
            "/": {"get": _get("All datasets, for people.", [], {"200": _html("The page.")})},
            "/datasets/{name}": {"get": _get("All versions, for people.", ["name"], {"200": _html("The page.")})},
            version_path: {"get": _version_page()},
            **{version_path + f".{kind}": _file(said, f".{kind}", False) for kind, said in kinds.items()},
            **{version_path + path: _file(*told) for path, told in files.items()},
            "/api/datasets": {"get": _get("All datasets.", [], {"200": _json("Datasets", "By name.")})},
            "/api/datasets/{name}": {
                "get": _get("All versions.", ["name"], {"200": _json("Dataset", "Newest first.")})
            },
            "/api/datasets/{name}/{version}": {
                "get": _get("All files of a version.", ["name", "version"], {"200": _json("Version", "With URLs.")})
            },
            "/openapi.json": {"get": _get("This document.", [], {"200": _json(None, "OpenAPI 3.1.")})},
            "/health": {"get": _health()},
        },
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "basic": {"type": "http", "scheme": "basic", "description": "Any user; the token is the password."},
            },
            "schemas": _schemas(),
        },
    }


def _get(summary: str, parameters: list[str], responses: Json) -> Json:
    missing = {"404": _error("There is no such thing.")} if parameters else {}
    return {
        "summary": summary,
        "parameters": [_PARAMETERS[name] for name in parameters],
        "responses": responses | missing | {status: _error(said) for status, said in _REFUSED.items()},
    }


def _health() -> Json:
    refused = {"421": _error(_REFUSED["421"])}
    return {
        "summary": "Whether the server is there.",
        "security": [],
        "responses": {"200": _json(None, "It is.")} | refused,
    }


def _version_page() -> Json:
    responses = {"200": _html("The page."), "307": {"description": "Of latest: where it is."}}
    return _get("The files of a version, for people.", ["name", "version"], responses)


def _file(summary: str, ending: str, named: bool) -> Json:
    body: Json = {TYPES[ending].partition(";")[0]: {}}
    part = {"content": {**body, "multipart/byteranges": {}}}
    responses = {
        "200": {"description": "All of it.", "headers": _HEADERS, "content": body},
        "206": {"description": "The ranges that were asked for.", "headers": _HEADERS, **part},
        "304": {"description": "The reader has it already."},
        "307": {"description": "Of latest: where it is. Of a store: a link that is good for an hour."},
        "412": {"description": "Not the state that was meant."},
        "416": {"description": "There is no such range."},
    }
    parameters = ["name", "version", *(["file"] if named else []), "Range", "If-Range", "If-None-Match", "If-Match"]
    get = _get(summary, parameters, responses)
    head = {name: value for name, value in get["responses"].items() if name not in ("206", "416")}
    bodiless = {name: {key: told for key, told in value.items() if key != "content"} for name, value in head.items()}
    plain = [parameter for parameter in get["parameters"] if parameter["name"] not in ("Range", "If-Range")]
    return {"get": get, "head": get | {"parameters": plain, "responses": bodiless}}


def _in_path(name: str, pattern: str, example: str) -> Json:
    schema = {"type": "string", "pattern": pattern}
    return {"name": name, "in": "path", "required": True, "schema": schema, "example": example}


def _in_header(name: str) -> Json:
    return {"name": name, "in": "header", "required": False, "schema": _TEXT}


_FILE_NAME = SHARD.partition("/")[2].removesuffix(r"\.parquet")
_PARAMETERS: Json = {
    "name": _in_path("name", f"^{NAME}$", "demo"),
    "version": _in_path("version", _VERSION, "v1"),
    "file": _in_path("file", f"^{_FILE_NAME}$", "train-00000-of-00001"),
    **{name: _in_header(name) for name in ("Range", "If-Range", "If-None-Match", "If-Match")},
}
_HEADERS: Json = {
    "ETag": {"schema": _TEXT},
    "Accept-Ranges": {"schema": _TEXT},
    "Last-Modified": {"schema": _TEXT},
    "Repr-Digest": {"schema": _TEXT, "description": "RFC 9530; not of archives."},
    "X-Content-SHA256": {"schema": _TEXT, "description": "In hexadecimal; not of archives."},
}


def _html(said: str) -> Json:
    return {"description": said, "content": {"text/html": {}}}


def _json(schema: str | None, said: str) -> Json:
    shape = {"$ref": f"#/components/schemas/{schema}"} if schema else {"type": "object"}
    return {"description": said, "content": {"application/json": {"schema": shape}}}


def _error(said: str) -> Json:
    return _json("Error", said)


def _schemas() -> Json:
    summary = {
        "dataset": _TEXT, "version": _INTEGER, "rows": _INTEGER, "rows_requested": _INTEGER,
        "complete": {"type": "boolean"}, "stop_reason": _TEXT, "bytes": _INTEGER, "finished": _TEXT, "url": _URL,
    }  # fmt: skip
    shard = {"path": _TEXT, "rows": _INTEGER, "bytes": _INTEGER, "sha256": _TEXT, "url": _URL}
    shards = {"type": "array", "items": {"$ref": "#/components/schemas/Shard"}}
    documents = {"type": "array", "items": _object({"path": _TEXT, "url": _URL})}
    files = {
        "files": shards, "rejects": shards, "documents": documents,
        "archives": {"type": "object", "additionalProperties": _URL},
    }  # fmt: skip
    short = {"$ref": "#/components/schemas/Summary"}
    entry = _object({"name": _TEXT, "latest": short})
    return {
        "Error": _object({"detail": _TEXT}),
        "Shard": _object(shard),
        "Summary": _object(summary),
        "Version": _object(summary | files),
        "Dataset": _object({"name": _TEXT, "versions": {"type": "array", "items": short}}),
        "Datasets": _object({"datasets": {"type": "array", "items": entry}}),
    }


def _object(properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
