"""Finding the meter in a SunSpec device: by its marker and models, not by address.

SunSpec Device Information Model Specification: a marker, then a chain of models, each with its
number and length in front, up to the number 0xFFFF. A device may hold several meters or an
inverter before its meter; the common model (1) before a model tells whose it is.
"""

import struct
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from gridtokenx_edge.errors import MeterReplyError
from gridtokenx_edge.meters.plan import Block
from gridtokenx_edge.meters.profile import Profile, Register

_HOLDING: Final = 3
_MARKER: Final = b"SunS"
_STARTS: Final = (40_000, 0, 50_000)
_COMMON: Final = 1
_END: Final = 0xFFFF
_MOST_MODELS: Final = 100
"""No device has as many; a chain of wrong lengths must end somewhere."""

Read = Callable[[Block], Awaitable[bytes]]


async def locate(profile: Profile, read: Read) -> Profile:
    """The profile with the addresses that its registers have in this device.

    Args:
        profile: One whose addresses are fixed is returned as it is.
        read: Reads a block: two bytes a register.

    Raises:
        MeterError: What ``read`` raises; or ``no_sunspec``, ``no_sunspec_meter``,
            ``short_sunspec_model``.
    """
    if not profile.models:
        return profile
    address = await _after_marker(read)
    common = address
    for _ in range(_MOST_MODELS):
        model, length = struct.unpack(">HH", await read(Block(_HOLDING, address, 2)))
        if model in profile.models:
            return _placed(profile, model, length, address, common)
        common = address if model == _COMMON else common
        address += 2 + length
        if model == _END or address >= _END:
            break
    raise MeterReplyError(
        "no_sunspec_meter", f"no SunSpec model {profile.models} there; check unit and profile"
    )


async def _after_marker(read: Read) -> int:
    for start in _STARTS:
        try:
            marker = await read(Block(_HOLDING, start, 2))
        except MeterReplyError:
            continue  # a device may refuse addresses that it does not have
        if marker == _MARKER:
            return start + 2
    raise MeterReplyError("no_sunspec", "no SunSpec marker there; check unit and profile")


def _placed(profile: Profile, model: int, length: int, start: int, common: int) -> Profile:
    needed = max(
        address + words
        for register in profile.registers.values()
        for address, words in register.parts
    )
    if needed > 2 + length:
        raise MeterReplyError("short_sunspec_model", f"SunSpec model {model} has length {length}")
    identity = profile.identity
    return replace(
        profile,
        models=(),
        registers={
            quantity: _moved(register, start) for quantity, register in profile.registers.items()
        },
        identity=identity and replace(identity, address=common + identity.address),
    )


def _moved(register: Register, by: int) -> Register:
    scale_address = register.scale_address
    return replace(
        register,
        addresses=tuple(by + address for address in register.addresses),
        scale_address=None if scale_address is None else by + scale_address,
    )
