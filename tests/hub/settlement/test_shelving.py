"""Which addresses go into which lookup table."""

from hypothesis import given
from hypothesis import strategies as st
from solders.pubkey import Pubkey

from gridtokenx_hub.chain.lookup_tables import MAX_ADDRESSES, LookupTable
from gridtokenx_hub.settlement.shelving import plan_additions

SHARED = [Pubkey(bytes([1]) * 31 + bytes([n])) for n in range(5)]


def own(meter: int) -> list[Pubkey]:
    return [Pubkey(bytes([2, role]) + meter.to_bytes(30, "big")) for role in range(3)]


def wanted(*meters: int) -> list[list[Pubkey]]:
    return [[*SHARED, *own(meter)] for meter in meters]


def table(number: int, *addresses: Pubkey) -> LookupTable:
    return LookupTable(
        address=Pubkey(bytes([3]) * 31 + bytes([number])),
        authority=Pubkey.default(),
        is_active=True,
        last_extended_slot=0,
        extended_from=0,
        addresses=addresses,
    )


def full_but_for(number: int, room: int) -> LookupTable:
    others = [
        Pubkey(bytes([4, number]) + n.to_bytes(30, "big")) for n in range(MAX_ADDRESSES - room - 5)
    ]
    return table(number, *SHARED, *others)


def test_the_first_meters_get_a_new_table_that_has_what_all_share_once() -> None:
    assert plan_additions([], wanted(1, 2)) == {None: [*SHARED, *own(1), *own(2)]}


def test_what_is_there_is_not_added() -> None:
    there = table(1, *SHARED, *own(1))
    assert plan_additions([there], wanted(1)) == {}
    assert plan_additions([there], wanted(1, 2)) == {there.address: own(2)}


def test_a_new_owner_takes_one_more_place_in_the_table_of_the_meter() -> None:
    meter, ledger, token = own(1)
    room, half = table(1, *SHARED), table(2, *SHARED, meter, ledger)
    assert plan_additions([room, half], wanted(1)) == {half.address: [token]}


def test_a_full_table_is_left_alone() -> None:
    full = full_but_for(1, room=4)
    assert plan_additions([full], wanted(1, 2)) == {
        full.address: own(1),
        None: [*SHARED, *own(2)],
    }


def test_an_address_that_is_there_twice_takes_two_places() -> None:
    crowded = full_but_for(1, room=4)
    crowded = table(1, *crowded.addresses, crowded.addresses[-1], crowded.addresses[-1])
    assert plan_additions([crowded], wanted(1)) == {None: [*SHARED, *own(1)]}


def test_what_one_new_table_does_not_take_waits() -> None:
    (added,) = plan_additions([], wanted(*range(100))).values()
    assert added == [*SHARED, *(address for meter in range(83) for address in own(meter))]


@given(st.lists(st.integers(0, 60), max_size=9), st.lists(st.integers(0, 90), max_size=60))
def test_sets_are_whole_and_tables_never_too_full(rooms: list[int], meters: list[int]) -> None:
    tables = [full_but_for(number, room) for number, room in enumerate(rooms)]
    additions = plan_additions(tables, wanted(*meters))
    contents = {
        each.address: [*each.addresses, *additions.get(each.address, [])] for each in tables
    }
    new = additions.get(None, [])
    assert all(len(content) <= MAX_ADDRESSES for content in [*contents.values(), new])
    for needed in wanted(*meters):
        assert any(set(needed) <= set(content) for content in [*contents.values(), new])
