"""``/v1/files`` and ``/v1/batches``: the HTTP side of ``batches.py``, in the shapes of the OpenAI Batch API."""

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.responses import Response as HttpResponse
from starlette.routing import Route

from teachers.builtin.batches import Batch, Batches, File
from teachers.builtin.wire import BadRequest

_PAGE = 20
_LARGEST_PAGE = 100
_Handler = Callable[[Request], Awaitable[HttpResponse]]


def batch_routes(batches: Batches) -> list[Route]:
    """The routes of files and batches."""
    api = _Api(batches)
    handlers: Sequence[tuple[str, str, _Handler]] = (
        ("/v1/files", "POST", api.upload),
        ("/v1/files", "GET", api.list_files),
        ("/v1/files/{id}", "GET", api.file),
        ("/v1/files/{id}", "DELETE", api.delete_file),
        ("/v1/files/{id}/content", "GET", api.content),
        ("/v1/batches", "POST", api.create),
        ("/v1/batches", "GET", api.list_batches),
        ("/v1/batches/{id}", "GET", api.batch),
        ("/v1/batches/{id}/cancel", "POST", api.cancel),
    )
    return [Route(path, _told(handler), methods=[method]) for path, method, handler in handlers]


class _Api:
    def __init__(self, batches: Batches) -> None:
        self._batches = batches
        self._files = batches.files

    async def upload(self, request: Request) -> HttpResponse:
        async with request.form() as form:
            file, purpose = form.get("file"), form.get("purpose")
            if not isinstance(file, UploadFile):
                raise BadRequest("the form has no 'file'")
            if purpose != "batch":
                raise BadRequest("'purpose' is not batch, the only one this server takes")
            made = self._files.add(file.filename or "upload", "batch", await file.read())
        return JSONResponse(made.shown())

    async def list_files(self, request: Request) -> HttpResponse:
        return _page(request, self._files.all())

    async def file(self, request: Request) -> HttpResponse:
        return JSONResponse(self._files.get(request.path_params["id"]).shown())

    async def delete_file(self, request: Request) -> HttpResponse:
        self._files.delete(request.path_params["id"])
        return JSONResponse({"id": request.path_params["id"], "object": "file", "deleted": True})

    async def content(self, request: Request) -> HttpResponse:
        file = self._files.get(request.path_params["id"])
        return HttpResponse(file.content, media_type="application/octet-stream")

    async def create(self, request: Request) -> HttpResponse:
        try:
            data = json.loads(await request.body())
        except ValueError:
            raise BadRequest("the body is not JSON") from None
        return JSONResponse(self._batches.create(data).shown())

    async def list_batches(self, request: Request) -> HttpResponse:
        return _page(request, self._batches.all())

    async def batch(self, request: Request) -> HttpResponse:
        return JSONResponse(self._batches.get(request.path_params["id"]).shown())

    async def cancel(self, request: Request) -> HttpResponse:
        return JSONResponse(self._batches.cancel(request.path_params["id"]).shown())


def _told(handler: _Handler) -> _Handler:
    """The handler, with what it refuses told as the API tells it."""

    async def told(request: Request) -> HttpResponse:
        try:
            return await handler(request)
        except BadRequest as error:
            return _error(400, str(error))
        except KeyError as error:
            return _error(404, f"there is no {error}")

    return told


def _error(status: int, message: str) -> HttpResponse:
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
    return JSONResponse({"error": error}, status)


def _page(request: Request, things: Sequence[File] | Sequence[Batch]) -> HttpResponse:
    """``limit`` of the things that follow ``after``, as a list object."""
    limit = request.query_params.get("limit", str(_PAGE))
    if not limit.isdecimal() or not 1 <= int(limit) <= _LARGEST_PAGE:
        raise BadRequest(f"'limit' is {limit!r}; give 1 to {_LARGEST_PAGE}")
    names = [thing.id for thing in things]
    after = request.query_params.get("after")
    start = names.index(after) + 1 if after in names else 0
    data = [thing.shown() for thing in things[start : start + int(limit)]]
    ends: dict[str, Any] = {"first_id": None, "last_id": None}
    if data:
        ends = {"first_id": data[0]["id"], "last_id": data[-1]["id"]}
    return JSONResponse({"object": "list", "data": data, **ends, "has_more": start + len(data) < len(things)})
