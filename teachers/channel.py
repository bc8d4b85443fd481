"""The way to one model: asks until there is an answer or no hope.

A request waits for a place (``gate.py``), is sent to one endpoint of the model, and is asked again where that helps
(``failures.py``). The openai library's own retries are off: tenacity has one policy for all of them. What an endpoint
that is down costs is time, not attempts: they are counted only while it works.

Not here: the same through a Batch API (``batch.py``); what was asked before (``asker.py``).
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception

from schemas.errors import EndpointError, RunFailed
from schemas.exchange import Completion
from schemas.recipe import Model
from teachers.access import Access
from teachers.call import HOPELESS, Answer, Call, count
from teachers.clock import Clock
from teachers.failures import NOT_THE_ENDPOINT, OVERLOAD, TRANSIENT, USELESS, Failure, back_off, is_transient
from teachers.gate import Gate, Place, Replica, Turn
from teachers.live import Live
from teachers.payload import Request, digest_of, encode, guess_tokens
from teachers.probe import REFUSALS, Post
from teachers.pulse import Pulse
from teachers.rates import Rates
from teachers.reply import no_reply, read_reply
from teachers.support import SchemaSupport, directly
from teachers.window import Window


class Channel:
    """One model of the recipe, ready to be asked. Used on the event loop only, after ``check_key``."""

    def __init__(
        self,
        name: str,
        model: Model,
        live: Live,
        transport: httpx2.AsyncBaseTransport | None,
        clock: Clock,
        folder: Path | None = None,
    ) -> None:
        self.name = name
        self.model = model
        self._live = live
        self._clock = clock
        self._support = SchemaSupport(model, folder)
        self._answered = 0
        self._failures_in_a_row = 0
        self._resting = 0
        """Requests between two attempts: in their back-off, or waiting for a place once more."""
        self.hungry: Callable[[], None] = lambda: None
        """Called when the appetite has grown because of them."""
        # The offline teacher of this process works on our own processor: nothing is found out by asking faster.
        adaptive = model.adaptive and not model.offline
        self._replicas = [
            Replica(Access(name, model, url, transport), Window(model.concurrency, adaptive)) for url in model.endpoints
        ]
        rates = Rates(model.requests_per_minute, model.tokens_per_minute)
        self._gate = Gate(self._replicas, model.concurrency, rates, clock)
        self._pulse = Pulse(self._replicas, self._gate, clock) if adaptive and transport is None else None

    def __repr__(self) -> str:
        return f"Channel({self.name!r}, {self.model.model!r})"

    async def ask(self, call: Call) -> Answer:
        """Ask until there is an answer or no hope.

        Raises:
            EndpointError: the key is refused, or the endpoint does not know the path or the model.
            RunFailed: the endpoint is gone, fails every request, or its account is empty.
        """
        if self._pulse is not None:
            self._pulse.start()
        detail = ""
        self._live.waiting += 1
        try:
            completion = await self._until_answered(call)
        except Failure as failure:
            completion, detail = self._give_up(failure, call), self._scrubbed(failure.detail)
        finally:
            self._live.waiting -= 1
        count(self._live, self.name, completion, detail)
        self._stop_if_hopeless(call, completion, detail)
        return Answer(completion, call.attempts - 1, detail)

    @property
    def appetite(self) -> int:
        """Pieces of work that keep the model busy: what is in flight, what fills windows that treble at once (see
        ``window.GROWTH``), and what waits for a retry."""
        room = sum(min(4 * replica.window.size, 2 * replica.window.cap) for replica in self._gate.useful)
        return min(room, 2 * self.model.concurrency) + self._resting

    async def keeps_to_schemas(self) -> bool:
        """Whether every endpoint keeps to a JSON schema; the first to want to know asks them.

        Raises:
            EndpointError: as ``ask``.
            RunFailed: as ``ask``.
        """
        if self._support.known is not None:
            return self._support.known
        call: Call | None = None

        async def post(payload: dict[str, Any]) -> bytes:
            nonlocal call
            body = encode(payload)
            call = Call(Request(self.name, payload, body, digest_of(body)), rank=-1)
            await self._until_answered(call, REFUSALS)
            return call.raw

        def others() -> list[Post]:
            answered = call and call.last
            return [directly(each.access, self._clock) for each in self._gate.useful if each is not answered]

        self._live.waiting += 1
        try:
            return await self._support.find_out(post, others)
        except Failure as failure:
            assert call is not None, "it was asked"
            self._give_up(failure, call)
            # It failed for good, and nothing is known: as text a reply can always be read.
            self._support.settle("ignored")
            return False
        finally:
            self._live.waiting -= 1

    def check_key(self) -> None:
        """Make sure that the environment holds the key that the recipe names.

        Raises:
            EndpointError: it does not, or the URL is none.
        """
        for replica in self._replicas:
            replica.access.check_key()

    async def check(self) -> None:
        """Make sure that the endpoint answers and does not refuse the key; of several, at least one.

        Raises:
            EndpointError: it does not answer, or refuses the key.
        """
        if self.model.offline:
            return
        found = await asyncio.gather(*(replica.access.check() for replica in self._replicas))
        wrong = [
            (replica, failure) for replica, failure in zip(self._replicas, found, strict=True) if failure is not None
        ]
        for replica, failure in wrong:
            if failure.word == "wrong_key":
                raise self._stopped(failure, replica)
        if len(wrong) == len(self._replicas):
            replica, failure = wrong[0]
            raise EndpointError(
                f"models.{self.name}: {replica.access.shown} does not answer ({failure.detail}); start it, or correct"
                " base_url"
            )

    def status(self) -> str:
        """The model for the progress line: what is down, else how many are in flight, and why no more."""
        left_alone = [
            f"; {replica.access.shown} is left alone ({replica.useless.word} {replica.useless.status})"
            for replica in self._replicas
            if replica.useless is not None
        ]
        return self._status_of(self._gate.useful) + "".join(left_alone)

    def _status_of(self, replicas: list[Replica]) -> str:
        now = self._clock.time()
        down = [replica for replica in replicas if replica.breaker.down_since is not None]
        if not down:
            most = min(self.model.concurrency, sum(replica.window.size for replica in replicas))
            held_back = self._gate.held_back
            why = f", {held_back:.0f} s until its rate limit allows more" if held_back >= 1 else ""
            return f"{self.name} {self._gate.taken}/{most}{why}"
        first = down[0]
        others = f" and {len(down) - 1} more" if len(down) > 1 else ""
        since, wait = first.breaker.down_since or now, first.breaker.wait(now)
        then = "trying now" if not wait else f"next try in {wait:.0f} s"
        why = self._scrubbed(first.breaker.why)
        return f"{self.name}: {first.access.shown}{others} is down for {now - since:.0f} s ({why}), {then}"

    async def close(self) -> None:
        """Close the connections, if any were opened."""
        if self._pulse is not None:
            await self._pulse.close()
        await self._gate.close()
        for replica in self._replicas:
            await replica.access.close()

    async def _until_answered(self, call: Call, final: frozenset[int] = frozenset()) -> Completion:
        """Attempts, until there is an answer; a failure with a ``final`` status is one."""

        def passing(error: BaseException) -> bool:
            if not isinstance(error, Failure) or error.status in final:
                return False
            return is_transient(error) or self._may_ask_elsewhere(call, error)

        try:
            # Most requests need no second attempt, and nothing of what it takes to make one.
            return await self._attempt(call)
        except Failure as failure:
            if not passing(failure):
                raise
            failed = [failure]

        async def again() -> Completion:
            if failed:
                raise failed.pop()
            return await self._attempt(call)

        retrying = AsyncRetrying(
            stop=lambda _: self._no_more(call),
            wait=back_off,
            retry=retry_if_exception(passing),
            before_sleep=self._count_retry,
            sleep=self._rest,
            reraise=True,
        )
        answered: Completion = await retrying(again)
        return answered

    def _may_ask_elsewhere(self, call: Call, failure: Failure) -> bool:
        """Whether others are left to be asked than the endpoint that is of no use; from now on it is left alone."""
        others = [replica for replica in self._gate.useful if replica is not call.last]
        if failure.word not in USELESS or call.last is None or not others:
            return False
        call.last.useless = failure
        return True

    async def _rest(self, seconds: float) -> None:
        self._resting += 1
        # Rows that make the endpoint fail may be all that has begun, and then nothing healthy would show that it works.
        self.hungry()
        try:
            await self._clock.sleep(seconds)
        finally:
            self._resting -= 1

    def _no_more(self, call: Call) -> bool:
        now = self._clock.time()
        if call.counted >= self.model.max_attempts or now - call.since - call.queued >= self.model.max_wait:
            return True
        return self._down_for(now) >= self.model.max_wait

    def _down_for(self, now: float) -> float:
        """Seconds since which no endpoint of the model has worked."""
        downs = [replica.breaker.down_since for replica in self._gate.useful]
        return min(0.0 if since is None else now - since for since in downs)

    async def _attempt(self, call: Call) -> Completion:
        place = await self._enter(call)
        self._live.waiting -= 1
        self._live.in_flight += 1
        try:
            call.raw, headers = await place.replica.access.post(call.request.body)
            completion = _read(call, self.model)
        except Failure as failure:
            call.sent = False
            self._failed(call, place, failure)
            raise
        except BaseException:
            self._gate.fail(place, hold=False)
            raise
        finally:
            self._live.in_flight -= 1
            self._live.waiting += 1
        tokens = completion.completion_tokens
        self._gate.answer(place, tokens, completion.prompt_tokens + tokens, headers)
        return completion

    async def _enter(self, call: Call) -> Place:
        """Wait for a place."""
        came = self._clock.time()
        turn = call.turn = call.turn or Turn(call.rank, guess_tokens(call.request))
        turn.avoid = call.last
        self._resting += call.last is not None
        try:
            place = await self._gate.enter(turn)
        finally:
            self._resting -= call.last is not None
        call.attempts += 1
        if call.last is None:
            call.since = place.since
            try:
                if call.admit is not None:
                    call.admit()
            except BaseException:
                self._gate.fail(place, hold=False)
                raise
        else:
            call.queued += place.since - came
        call.last, call.sent = place.replica, True
        return place

    def _failed(self, call: Call, place: Place, failure: Failure) -> None:
        replica, breaker = place.replica, place.replica.breaker
        if failure.word in NOT_THE_ENDPOINT:
            self._gate.alive(replica)
        elif not (failure.perhaps_the_request and _is_its_own_fault(call)):
            breaker.failed(self._clock.time(), failure, call.request.digest, place.probe, replica.window.in_flight)
        if failure.perhaps_the_request and call.turn is not None:
            call.turn.suspect += 1
            call.turn.failed_at = min(call.turn.failed_at, self._clock.time())
        # What an endpoint that is down costs is time, unless the request itself may be what it fails of.
        call.counted += (breaker.closed and failure.word not in USELESS) or failure.perhaps_the_request
        if failure.word in OVERLOAD or failure.status == 503:
            self._gate.refuse(place, hold=failure.word != "timeout")
        else:
            self._gate.fail(place, hold=True)

    def _give_up(self, failure: Failure, call: Call) -> Completion:
        assert call.last is not None, "it was asked"
        # A request that always gets a 500 is rejected, whatever else is wrong just now.
        down = self._down_for(self._clock.time()) > 0 and not failure.perhaps_the_request
        gone = failure.word == "unreachable" and len(self._gate.useful) == 1
        if down or gone or self._down_for(self._clock.time()) >= self.model.max_wait or failure.word in USELESS:
            raise self._stopped(failure, call.last) from None
        return no_reply(failure, call.request.payload, self.model)

    def _stop_if_hopeless(self, call: Call, completion: Completion, detail: str) -> None:
        """Turning every row into a reject would waste the run; it is better stopped, mended and resumed.

        A refusal may be the row's own fault, so it counts only while the endpoint has never answered. What failed
        while others were answered does not count.
        """
        if completion.error is None:
            self._answered += 1
            self._failures_in_a_row = 0
        elif _is_its_own_fault(call):
            return
        elif completion.error in TRANSIENT or not self._answered:
            self._failures_in_a_row += 1
        if self._failures_in_a_row >= HOPELESS:
            shown = ", ".join(replica.access.shown for replica in self._replicas)
            raise RunFailed(
                f"models.{self.name}: {shown} failed {self._failures_in_a_row} requests in a row"
                f" ({f'{completion.error} {detail}'.strip()}); mend it and run the same command again to resume"
            )

    def _stopped(self, failure: Failure, replica: Replica) -> EndpointError | RunFailed:
        access = replica.access
        where = f"models.{self.name}: {access.shown}"
        if failure.word == "no_quota":
            return RunFailed(f"{where} says that the account is empty; add credit and run the same command again")
        if failure.word == "wrong_key":
            source = f"the key in {access.variable}" if access.variable else "a request without a key"
            remedy = "export a valid one" if access.variable else "name the variable that holds one as api_key_env"
            return EndpointError(f"{where} refused {source} for {self.model.model!r} ({failure.status}); {remedy}")
        if failure.word == "not_found":
            return EndpointError(
                f"{where} does not know the model {self.model.model!r} or the path ({failure.status});"
                " correct model, or base_url (most end in /v1)"
            )
        since = replica.breaker.down_since
        waited = f" for {self._clock.time() - since:.0f} s" if since is not None else ""
        why = f"{failure.word} {self._scrubbed(failure.detail)}".strip()
        what = "went away" if failure.word == "unreachable" else "gave no answer"
        return RunFailed(f"{where} {what}{waited} ({why}); mend that and run the same command again to resume")

    def _scrubbed(self, text: str) -> str:
        return self._replicas[0].access.scrubbed(text)

    def _count_retry(self, state: RetryCallState) -> None:
        self._live.retries += 1
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, Failure):
            self._live.last_failure = self._scrubbed(f"{self.name}: {error.word} {error.detail}".rstrip())


def _is_its_own_fault(call: Call) -> bool:
    """Whether the endpoint answered others after it first failed at this one: that says nothing of the endpoint."""
    return call.turn is not None and call.last is not None and call.turn.failed_at < call.last.answered_at


def _read(call: Call, model: Model) -> Completion:
    try:
        return read_reply(call.raw, call.request.payload, model)
    except Failure:
        raise
    except Exception as error:
        # Numbers beyond all measure, brackets a thousand deep: whatever it is, it is no completion.
        raise Failure("unreadable_reply", type(error).__name__) from None
