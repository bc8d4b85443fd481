"""The models of a recipe, ready to be asked from any thread.

All requests of a process meet on one event loop and share one client and one set of slots a model, whatever number of
shards is in flight. Not here: what was asked before (``log.py``, ``asker.py``) and how one model is asked
(``channel.py``).
"""

from collections.abc import Coroutine, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx2

from schemas.errors import RecipeError
from schemas.exchange import Completion, Prompt
from schemas.recipe import Model
from teachers.batch import BatchChannel
from teachers.budget import Spent
from teachers.call import Answer, Call
from teachers.channel import Channel
from teachers.clock import Clock, RealClock
from teachers.live import Live
from teachers.loop import LoopThread, stopped
from teachers.payload import BYTES_A_TOKEN, LONG_REPLY, Request, build_request, guess_tokens
from teachers.reply import cost_of
from teachers.turnstile import Turnstile
from teachers.under_way import UnderWay

T = TypeVar("T")


class Teachers:
    """The models by the names that stages use. Nothing is opened before the first request or ``check``.

    ``folder`` is the run's: what batches need to outlive the process is kept there. ``transports`` puts something else
    than the network behind a model, and ``clock`` other than real time behind its waiting; both are for tests.
    """

    def __init__(
        self,
        models: Mapping[str, Model],
        *,
        folder: Path | None = None,
        transports: Mapping[str, httpx2.AsyncBaseTransport] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.under_way = UnderWay()
        """What is being asked, of any shard."""
        self._closing = False
        self._live = Live()
        self._loop = LoopThread()
        clock = clock or RealClock()
        self.turnstile = Turnstile(lambda: sum(channel.appetite for channel in self._channels.values()))
        self._channels: dict[str, Channel | BatchChannel] = {}
        for name, model in models.items():
            transport = (transports or {}).get(name) or _transport(model)
            if model.mode == "batch":
                place = folder and folder / "batches" / name
                self._channels[name] = BatchChannel(name, model, self._live, transport, clock.sleep, place)
            else:
                channel = Channel(name, model, self._live, transport, clock, folder)
                channel.hungry = self.turnstile.let_in
                self._channels[name] = channel

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Teachers({', '.join(self._channels)})"

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run ``coroutine`` on the shared loop, from any other thread, and wait for its result.

        Raises:
            RunFailed: ``close`` was called meanwhile.
        """
        return self._loop.run(coroutine)

    def check(self) -> None:
        """Before a run: are the keys there, do the endpoints answer? Costs one cheap request an endpoint.

        Raises:
            EndpointError: the first model that cannot be asked, and what to do.
        """
        for channel in self._channels.values():
            channel.check_key()
        # One after the other: of several that are down, the first in the recipe is reported, every time.
        for channel in self._channels.values():
            self.run(channel.check())

    async def request(self, prompt: Prompt, seed: int) -> Request:
        """The exact request for ``prompt``, with the model's defaults from the recipe.

        A prompt with a shape is asked in JSON where the endpoint keeps to a schema, which is found out once.
        """
        channel = self._channel(prompt.model)
        structured = prompt.shape is not None and await channel.keeps_to_schemas()
        return build_request(prompt.model, channel.model, prompt, seed, structured=structured)

    async def complete(self, prompt: Prompt, seed: int) -> Completion:
        """Ask one prompt; see ``ask``."""
        return (await self.ask(Call(await self.request(prompt, seed)))).completion

    async def ask(self, call: Call) -> Answer:
        """Send one request, again and again where that helps.

        Raises:
            EndpointError: the key is refused, or the endpoint does not know the path or the model.
            RunFailed: the endpoint is gone, or its account is empty.
        """
        if self._closing:
            raise stopped()
        return await self._channel(call.request.name).ask(call)

    def guess(self, request: Request) -> Spent:
        """What a request will cost at most, before any was answered; where nothing bounds its reply, a long one."""
        tokens, price = guess_tokens(request, LONG_REPLY), self._channel(request.name).model.price
        prompt = len(request.body) / BYTES_A_TOKEN
        return Spent(cost_of(price, round(prompt), round(tokens - prompt)), tokens, 1.0)

    def live(self) -> Live:
        """A copy of the counters, from any thread."""
        return replace(
            self._live, models=tuple(filter(None, (channel.status() for channel in self._channels.values())))
        )

    def clear(self) -> None:
        """The run is finished and all its completions are logged: what was kept only to get there may go."""
        for channel in self._channels.values():
            if isinstance(channel, BatchChannel):
                channel.clear()

    def close(self) -> None:
        """Stop: nothing new is asked, what is paid for is waited for (not for long), all connections are closed.

        Safe to call twice.
        """
        self._closing = True
        self._loop.close(self.under_way.drain, self._close_channels)

    async def _close_channels(self) -> None:
        for channel in self._channels.values():
            await channel.close()

    def _channel(self, name: str) -> Channel | BatchChannel:
        try:
            return self._channels[name]
        except KeyError:
            known = ", ".join(self._channels)
            raise RecipeError(f"a stage asks the model {name!r}; the recipe's models are: {known}") from None


def _transport(model: Model) -> httpx2.AsyncBaseTransport | None:
    if not model.offline:
        return None
    # Imported here: a run with real models need not load the offline teacher.
    from teachers.builtin.endpoint import Endpoint
    from teachers.builtin.transport import InProcess

    return InProcess(Endpoint(model.faults))
