"""Arbitrary records and maps of extras, for property tests."""

from hypothesis import strategies as st

from gridtokenx_protocol.record import Flag, Record

U64 = st.integers(0, 2**64 - 1)
U32 = st.integers(0, 2**32 - 1)


@st.composite
def records(draw: st.DrawFn) -> Record:
    flags = draw(st.integers(0, 0x7F))
    settlement = bool(flags & Flag.SETTLEMENT)
    return Record(
        deployment=draw(st.binary(min_size=4, max_size=4)),
        meter_id=draw(st.binary(min_size=16, max_size=16)),
        sequence=draw(st.integers(1, 2**64 - 1)),
        time_ms=draw(U64),
        produced_mwh=draw(U64),
        consumed_mwh=draw(U64),
        surplus_mwh=draw(U64),
        active_power_mw=0 if settlement else draw(st.integers(-(2**63), 2**63 - 1)),
        voltage_mv=0 if settlement else draw(U32),
        current_ma=0 if settlement else draw(st.integers(-(2**31), 2**31 - 1)),
        frequency_mhz=0 if settlement else draw(U32),
        flags=flags,
        previous_hash=draw(st.binary(min_size=32, max_size=32)),
    )


_SCALARS = (
    st.integers(-(2**64), 2**64 - 1) | st.text(max_size=30) | st.binary(max_size=30)
    | st.booleans() | st.none()
)  # fmt: skip

cbor_maps = st.dictionaries(
    st.text(max_size=30),
    st.recursive(
        _SCALARS,
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.text(max_size=5), inner, max_size=4)
            | st.dictionaries(st.integers(0, 2**64 - 1), inner, max_size=4)
        ),
        max_leaves=8,
    ).filter(lambda value: _depth(value) < 8),
    max_size=30,
)


def _depth(value: object) -> int:
    if isinstance(value, list):
        return 1 + max((_depth(item) for item in value), default=0)
    if isinstance(value, dict):
        return 1 + max((_depth(item) for item in value.values()), default=0)
    return 0
