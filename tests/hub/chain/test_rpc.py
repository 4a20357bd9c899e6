import json
import socket
from collections.abc import Callable

import pytest
from solders.keypair import Keypair

from gridtokenx_hub.chain import ChainClient, ChainUnavailable, RequestRefused
from gridtokenx_hub.chain.rpc import RpcConnection

from . import nodes

AT_ONCE = (0.0, 0.0)


@pytest.mark.parametrize(
    "trouble",
    [
        lambda _: b"",
        lambda _: nodes.http(b"busy", "503 Service Unavailable"),
        lambda _: nodes.http(b"slow down", "429 Too Many Requests"),
        lambda request_id: nodes.error(request_id, -32005, "Node is behind by 99 slots"),
    ],
    ids=["hangs up", "unavailable", "too many", "behind"],
)
async def test_passing_trouble_is_waited_out(trouble: Callable[[int], bytes]) -> None:
    def answer(number: int, request_id: int) -> bytes:
        return trouble(request_id) if number < 2 else nodes.result(request_id, 7)

    async with nodes.answering(answer) as (url, methods):
        client = ChainClient(url, retry_pauses_s=AT_ONCE)
        assert await client.slot() == 7
        assert methods == ["getSlot"] * 3
        await client.close()


async def test_the_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless the environment exempts the node."""
    async with nodes.answering(lambda _, request_id: nodes.result(request_id, 7)) as (url, methods):
        monkeypatch.setenv("http_proxy", url)
        monkeypatch.setenv("no_proxy", "exempt.invalid")
        through, past = (ChainClient(f"http://{name}.invalid", ()) for name in ("node", "exempt"))
        assert await through.slot() == 7
        with pytest.raises(ChainUnavailable):
            await past.slot()
        assert methods == ["getSlot"]
        await through.close()
        await past.close()


async def test_lasting_trouble_is_told() -> None:
    async with nodes.answering(lambda *_: b"") as (url, methods):
        client = ChainClient(url, retry_pauses_s=AT_ONCE)
        with pytest.raises(ChainUnavailable, match="does not answer getSlot"):
            await client.slot()
        assert len(methods) == 3
        await client.close()


async def test_airdrop_is_asked_for_once() -> None:
    """It is the one request that would count twice."""
    async with nodes.answering(lambda *_: b"") as (url, methods):
        client = ChainClient(url, retry_pauses_s=AT_ONCE)
        with pytest.raises(ChainUnavailable):
            await client.airdrop(Keypair().pubkey(), 1)
        assert methods == ["requestAirdrop"]
        await client.close()


@pytest.mark.parametrize(
    "body",
    [b"<html>login</html>", b"[]", b'{"jsonrpc":"2.0","id":-1,"result":1}', b'"text"'],
)
async def test_what_is_no_node_is_named(body: bytes) -> None:
    async with nodes.answering(lambda *_: nodes.http(body)) as (url, methods):
        client = ChainClient(url, retry_pauses_s=AT_ONCE)
        with pytest.raises(ChainUnavailable, match="no node of a chain"):
            await client.slot()
        assert len(methods) == 1
        await client.close()


async def test_refusal_is_told_at_once() -> None:
    def answer(_: int, request_id: int) -> bytes:
        return nodes.error(request_id, -32602, "Invalid params")

    async with nodes.answering(answer) as (url, methods):
        client = ChainClient(url, retry_pauses_s=AT_ONCE)
        with pytest.raises(RequestRefused, match="Invalid params") as refused:
            await client.slot()
        assert (refused.value.code, len(methods)) == (-32602, 1)
        await client.close()


async def test_nobody_there() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and not listening: refuses
        client = ChainClient(f"http://127.0.0.1:{closed.getsockname()[1]}", retry_pauses_s=AT_ONCE)
        with pytest.raises(ChainUnavailable, match="see that the chain runs"):
            await client.genesis_hash()
        await client.close()


BATCH = [("a",), ("b",), ("c",)]


def batch_result(*answers: tuple[int, object]) -> bytes:
    """An answer to a batch: each result under its id."""
    members = [{"jsonrpc": "2.0", "id": number, "result": value} for number, value in answers]
    return nodes.http(json.dumps(members).encode())


async def test_a_batch_is_answered_in_any_order() -> None:
    def answer(_: int, first: int) -> bytes:
        return batch_result((first + 2, "C"), (first, "A"), (first + 1, None))

    async with nodes.answering(answer) as (url, methods):
        rpc = RpcConnection(url, AT_ONCE)
        assert await rpc.call_all("getTransaction", BATCH) == ["A", None, "C"]
        assert methods == ["batch"]
        await rpc.close()


@pytest.mark.parametrize(
    "refusal",
    [
        lambda request_id: nodes.error(request_id, -32600, "batches are not supported"),
        lambda _: nodes.http(b"too large", "413 Payload Too Large"),
        lambda _: nodes.http(b'{"error":"no"}', "400 Bad Request"),
    ],
    ids=["by an error", "by its size", "as a request"],
)
async def test_a_node_that_takes_no_batches_is_asked_one_by_one(
    refusal: Callable[[int], bytes],
) -> None:
    def answer(number: int, request_id: int) -> bytes:
        return refusal(request_id) if number == 0 else nodes.result(request_id, request_id)

    async with nodes.answering(answer) as (url, methods):
        rpc = RpcConnection(url, AT_ONCE)
        for _ in range(2):
            assert len(set(await rpc.call_all("getSlot", BATCH))) == len(BATCH)  # type: ignore[arg-type]  # JSON numbers
        assert methods == ["batch", *["getSlot"] * 6]
        await rpc.close()


@pytest.mark.parametrize(
    "trouble",
    [
        lambda _: nodes.http(b"busy", "503 Service Unavailable"),
        lambda request_id: nodes.error(request_id, -32005, "Node is behind by 99 slots"),
    ],
)
async def test_passing_trouble_with_a_batch_is_waited_out(
    trouble: Callable[[int], bytes],
) -> None:
    def answer(number: int, first: int) -> bytes:
        if number == 0:
            return trouble(first)
        return batch_result(*((first + place, place) for place in range(3)))

    async with nodes.answering(answer) as (url, methods):
        rpc = RpcConnection(url, AT_ONCE)
        assert await rpc.call_all("getSlot", BATCH) == [0, 1, 2]
        assert methods == ["batch"] * 2
        await rpc.close()


@pytest.mark.parametrize(
    "answers", [[], [(0, 1)], [(0, 1), (1, 2), (7, 3)]], ids=["none", "too few", "another"]
)
async def test_a_batch_that_is_not_answered_whole(answers: list[tuple[int, int]]) -> None:
    def answer(_: int, first: int) -> bytes:
        return batch_result(*((first + place, value) for place, value in answers))

    async with nodes.answering(answer) as (url, _):
        rpc = RpcConnection(url, AT_ONCE)
        with pytest.raises(ChainUnavailable, match="belongs to no request"):
            await rpc.call_all("getSlot", BATCH)
        await rpc.close()
