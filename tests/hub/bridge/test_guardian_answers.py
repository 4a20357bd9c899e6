"""Guardians that lie, stall or are none: they cost nobody but themselves."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from aiohttp import web
from coincurve import PrivateKey
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from gridtokenx_hub.bridge import guardian_answers
from gridtokenx_hub.bridge.guardian_answers import MAX_ANSWER_BYTES, GuardianAnswers
from gridtokenx_programs.evm import address_of_key, sign

RESERVATION = Pubkey.new_unique()
DIGEST = os.urandom(32)
KEYS = [Keypair() for _ in range(3)]
EVM_KEYS = [PrivateKey() for _ in range(3)]
IN_OFFICE = [key.pubkey() for key in KEYS]
ADDRESSES = [address_of_key(key) for key in EVM_KEYS]


def attested(key: Keypair, digest: bytes = DIGEST, **changed: object) -> dict[str, object]:
    return {
        "guardian": str(key.pubkey()),
        "signature": bytes(key.sign_message(digest)).hex(),
        **changed,
    }


def released(key: PrivateKey, digest: bytes = DIGEST) -> dict[str, object]:
    return {"guardian": "whoever", "signature": f"0x{sign(key, digest).hex()}"}


@asynccontextmanager
async def serving(answer: object) -> AsyncIterator[str]:
    """A guardian that answers every question so: an object, a text, or a status."""

    over = asyncio.Event()

    async def handle(_: web.Request) -> web.StreamResponse:
        if isinstance(answer, int):
            return web.Response(status=answer)
        if answer is None:
            await over.wait()
        return web.Response(text=answer if isinstance(answer, str) else json.dumps(answer))

    app = web.Application()
    app.router.add_get("/{kind}/{reservation}", handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        over.set()
        await runner.cleanup()


@asynccontextmanager
async def asking(*answers: object) -> AsyncIterator[GuardianAnswers]:
    async with AsyncExitStack() as stack:
        urls = [await stack.enter_async_context(serving(answer)) for answer in answers]
        asked = GuardianAnswers(urls)
        try:
            yield asked
        finally:
            await asked.close()


async def test_signatures_come_in_the_order_of_the_set() -> None:
    async with asking(*(attested(key) for key in reversed(KEYS))) as answers:
        found = await answers.attestations(RESERVATION, DIGEST, IN_OFFICE)
    assert [guardian for guardian, _ in found] == IN_OFFICE


async def test_releases_come_by_rising_address() -> None:
    async with asking(*(released(key) for key in EVM_KEYS)) as answers:
        found = await answers.releases(RESERVATION, DIGEST, ADDRESSES)
    assert found == [sign(key, DIGEST) for key in sorted(EVM_KEYS, key=address_of_key)]


@pytest.mark.parametrize(
    "lie",
    [
        attested(KEYS[1], os.urandom(32)),
        attested(Keypair()),
        attested(KEYS[1], signature="00" * 64),
        attested(KEYS[1], signature="none"),
        attested(KEYS[1], guardian="nobody"),
        attested(KEYS[1], guardian=None, signature=None),
        attested(KEYS[0]),
        {},
        [],
        "<html>login</html>",
        "[" * 50_000,
        attested(KEYS[1], padding="x" * MAX_ANSWER_BYTES),
        404,
        500,
        302,
    ],
    ids=[
        "another digest", "not in office", "no signature", "no hex", "no key", "null",
        "the first one's again", "empty", "a list", "HTML", "nested", "long", "nothing signed",
        "failing", "moved",
    ],
)  # fmt: skip
async def test_a_lie_is_left_out(lie: object) -> None:
    async with asking(attested(KEYS[0]), lie, attested(KEYS[2])) as answers:
        found = await answers.attestations(RESERVATION, DIGEST, IN_OFFICE)
    assert [guardian for guardian, _ in found] == [IN_OFFICE[0], IN_OFFICE[2]]


@pytest.mark.parametrize(
    "lie",
    [
        released(EVM_KEYS[1], os.urandom(32)),
        released(PrivateKey()),
        released(EVM_KEYS[0]),
        {"signature": "0x" + "ff" * 65},
        {"signature": 7},
        {},
    ],
    ids=["another digest", "not in office", "the first one's again", "nonsense", "no hex", "empty"],
)
async def test_a_lie_about_a_release_is_left_out(lie: object) -> None:
    async with asking(released(EVM_KEYS[0]), lie, released(EVM_KEYS[2])) as answers:
        found = await answers.releases(RESERVATION, DIGEST, ADDRESSES)
    assert set(found) == {sign(EVM_KEYS[0], DIGEST), sign(EVM_KEYS[2], DIGEST)}
    assert len(found) == 2


async def test_who_stalls_or_is_away_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guardian_answers, "TIMEOUT_S", 0.2)
    async with asking(attested(KEYS[0]), None, attested(KEYS[2])) as answers:
        found = await answers.attestations(RESERVATION, DIGEST, IN_OFFICE)
    assert len(found) == 2
    async with serving(attested(KEYS[0])) as url:
        answers = GuardianAnswers([url, "http://127.0.0.1:9"])
        found = await answers.attestations(RESERVATION, DIGEST, IN_OFFICE)
        await answers.close()
    assert len(found) == 1
