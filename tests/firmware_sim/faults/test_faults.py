"""Each fault as the other end of the line sees it."""

import asyncio
import struct
from collections.abc import AsyncIterator

import pytest
from tests.firmware_sim.lines import COUNTS, SERIAL, measurement, serving

from gridtokenx_firmware_sim.faults import KINDS, Fault
from gridtokenx_firmware_sim.server import MeterServer
from gridtokenx_firmware_sim.transport import rtu

SILENCE_S = 0.3
"""So long nothing may come for the test to believe that nothing will."""
READ = struct.pack(">BHH", 3, 3203, 8)


class Wire:
    """Frames as they are."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def ask(self, unit: int = 1, pdu: bytes = READ) -> None:
        self._writer.write(rtu.frame(unit, pdu))

    async def reply(self) -> bytes:
        """All that comes until the line is silent."""
        data = b""
        while True:
            try:
                data += await asyncio.wait_for(self._reader.read(256), SILENCE_S)
            except TimeoutError:
                return data

    async def exactly(self, size: int) -> bytes:
        return await self._reader.readexactly(size)

    async def registers(self) -> tuple[int, int]:
        """Imported and exported counts."""
        self.ask()
        reply = await self.reply()
        assert rtu.is_whole(reply)
        imported, exported = struct.unpack(">qq", reply[3:-2])
        return imported, exported


class Case:
    def __init__(self, server: MeterServer, wire: Wire) -> None:
        self.server, self.wire = server, wire


@pytest.fixture
async def case(request: pytest.FixtureRequest) -> AsyncIterator[Case]:
    async with serving("rtu-over-tcp", *request.param, meters=2) as (server, client):
        reader, writer = await asyncio.open_connection("127.0.0.1", client.comm_params.port)
        yield Case(server, Wire(reader, writer))
        writer.close()


def with_faults(*faults: Fault) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", [faults], indirect=True)


GOOD = rtu.frame(1, bytes([3, 16]) + struct.pack(">qq", 2 * COUNTS, COUNTS))


@with_faults()
async def test_without_faults(case: Case) -> None:
    case.wire.ask()
    assert await case.wire.reply() == GOOD


@with_faults(Fault("crc"))
async def test_crc(case: Case) -> None:
    case.wire.ask()
    reply = await case.wire.reply()
    assert reply[:-2] == GOOD[:-2]
    assert not rtu.is_whole(reply)
    assert await case.wire.registers() == (2 * COUNTS, COUNTS)


@with_faults(Fault("cut"))
async def test_cut(case: Case) -> None:
    case.wire.ask()
    reply = await case.wire.reply()
    assert reply
    assert len(reply) < len(GOOD)
    assert GOOD.startswith(reply)


@with_faults(Fault("noise"))
async def test_noise(case: Case) -> None:
    case.wire.ask()
    reply = await case.wire.reply()
    assert reply.endswith(GOOD)
    assert len(reply) > len(GOOD)


@with_faults(Fault("exception", code=6))
async def test_exception(case: Case) -> None:
    case.wire.ask()
    assert await case.wire.reply() == rtu.frame(1, bytes([0x83, 6]))


@with_faults(Fault("silence"), Fault("restart", at_request=2))
async def test_silence_and_restart(case: Case) -> None:
    for _ in range(2):
        case.wire.ask()
        assert await case.wire.reply() == b""
    assert await case.wire.registers() == (2 * COUNTS, COUNTS)


@with_faults(Fault("other_unit", from_unit=7))
async def test_other_unit(case: Case) -> None:
    case.wire.ask()
    assert await case.wire.reply() == rtu.frame(7, GOOD[1:-2])


@with_faults(Fault("late", unit=1, delay_ms=600))
async def test_late(case: Case) -> None:
    """Another unit answers meanwhile."""
    case.wire.ask(1)
    case.wire.ask(2)
    assert await case.wire.reply() == rtu.frame(2, GOOD[1:-2])
    assert await asyncio.wait_for(case.wire.exactly(len(GOOD)), 10) == GOOD


@with_faults(Fault("held", unit=1))
async def test_held(case: Case) -> None:
    case.wire.ask(1)
    assert await case.wire.reply() == b""
    case.server.show(measurement(COUNTS + 1))
    case.wire.ask(2)
    reply = await case.wire.reply()
    assert reply.startswith(GOOD), "with the registers of its time"
    assert rtu.is_whole(reply[len(GOOD) :])


@with_faults(Fault("zero", at_request=2))
async def test_a_transient_zero(case: Case) -> None:
    assert await case.wire.registers() == (2 * COUNTS, COUNTS)
    assert await case.wire.registers() == (0, 0)
    assert await case.wire.registers() == (2 * COUNTS, COUNTS)


@with_faults(Fault("frozen"))
async def test_frozen(case: Case) -> None:
    assert await case.wire.registers() == (2 * COUNTS, COUNTS)
    case.server.show(measurement(COUNTS + 5))
    assert await case.wire.registers() == (2 * COUNTS, COUNTS)
    case.server.script.faults = ()
    assert await case.wire.registers() == (2 * COUNTS + 10, COUNTS + 5)


@with_faults(Fault("roll_over", at_request=2))
async def test_roll_over(case: Case) -> None:
    assert await case.wire.registers() == (2 * COUNTS, COUNTS)
    assert await case.wire.registers() == (0, 0)
    case.server.show(measurement(COUNTS + 5))
    assert await case.wire.registers() == (10, 5)


@with_faults(Fault("exchanged", at_request=2, percent=25))
async def test_exchanged(case: Case) -> None:
    assert await case.wire.registers() == (2 * COUNTS, COUNTS)
    assert await case.wire.registers() == (COUNTS // 2, COUNTS // 4)
    case.server.show(measurement(COUNTS + 5))
    assert await case.wire.registers() == (COUNTS // 2 + 10, COUNTS // 4 + 5)
    case.wire.ask(1, struct.pack(">BHH", 3, 129, 2))
    assert (await case.wire.reply())[3:-2] == struct.pack(">I", SERIAL + 1)


@with_faults(Fault("swapped_words"))
async def test_swapped_words(case: Case) -> None:
    case.wire.ask()
    words = struct.unpack(">8H", (await case.wire.reply())[3:-2])
    imported, exported = words[3::-1], words[7:3:-1]
    assert struct.pack(">8H", *imported, *exported) == GOOD[3:-2]


@with_faults(*(Fault(kind, unit=1) for kind in KINDS))
async def test_the_other_unit_is_sound(case: Case) -> None:
    case.wire.ask(2)
    assert await case.wire.reply() == rtu.frame(2, GOOD[1:-2])


@pytest.mark.parametrize("kind", ["cut", "restart"])
async def test_with_tcp_the_connection_ends(kind: str) -> None:
    async with serving("tcp", Fault(kind)) as (_, client):
        reader, writer = await asyncio.open_connection("127.0.0.1", client.comm_params.port)
        writer.write(struct.pack(">HHHB", 1, 0, 6, 1) + READ)
        reply = await asyncio.wait_for(reader.read(), 10)
        assert len(reply) == (0 if kind == "restart" else 12)
        writer.close()
