"""Whatever a node answers, it is a result or an error with a name."""

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from tests.guardian.said import Said

from gridtokenx_guardian.errors import (
    EndpointError,
    EndpointNonsense,
    EndpointRefused,
    EndpointUnreachable,
)
from gridtokenx_guardian.rpc import MAX_ANSWER_BYTES, Rpc


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"{}",
        b'{"id": 1}',
        b'{"id": 2, "result": 1}',
        b'{"result": 1}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"id": 1, "result": ' + b"9" * 5000 + b"}",
        b'{"id": 1, "error": 3}',
    ],
)
async def test_what_is_no_answer_is_nonsense(body: bytes) -> None:
    with pytest.raises(EndpointNonsense):
        await Said(body).call("eth_chainId")


async def test_an_error_is_the_nodes() -> None:
    with pytest.raises(EndpointRefused, match="gone"):
        await Said(b'{"id": 1, "error": {"code": -1, "message": "gone"}}').call("eth_chainId")


@given(body=st.binary(max_size=200))
async def test_random_bytes_have_a_name(body: bytes) -> None:
    with pytest.raises(EndpointError):
        await Said(body).call("eth_chainId")


async def test_nobody_there_is_unreachable() -> None:
    rpc = Rpc("evm", "http://127.0.0.1:1")
    with pytest.raises(EndpointUnreachable):
        await rpc.call("eth_chainId")
    await rpc.close()


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (web.Response(status=502), EndpointUnreachable),
        (web.Response(status=302, headers={"Location": "http://127.0.0.1:1"}), EndpointUnreachable),
        (web.Response(body=b" " * (MAX_ANSWER_BYTES + 1)), EndpointNonsense),
    ],
)
async def test_other_answers_of_a_server(
    response: web.Response, error: type[EndpointError]
) -> None:
    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        return response

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    rpc = Rpc("evm", f"http://127.0.0.1:{runner.addresses[0][1]}")
    with pytest.raises(error):
        await rpc.call("eth_chainId")
    await rpc.close()
    await runner.cleanup()
