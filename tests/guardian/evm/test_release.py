"""The digest of a release is EIP-712's, as another implementation makes it."""

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from hypothesis import given
from hypothesis import strategies as st
from solders.pubkey import Pubkey

from gridtokenx_guardian.evm.release import Release
from gridtokenx_guardian.facts import BridgeId
from gridtokenx_guardian.keys import Keys, create

FIELDS = {
    "reservation": "bytes32",
    "payer": "address",
    "amount": "uint256",
    "guardianEpoch": "uint64",
}
TYPES = {"Release": [{"name": name, "type": kind} for name, kind in FIELDS.items()]}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return create(tmp_path_factory.mktemp("guardian"))


@given(
    reservation=st.binary(min_size=32, max_size=32),
    payer=st.binary(min_size=20, max_size=20),
    amount=st.integers(0, 2**256 - 1),
    epoch=st.integers(0, 2**63 - 1),
    chain_id=st.integers(1, 2**62),
    address=st.binary(min_size=20, max_size=20),
)
def test_as_eth_account_makes_it(
    keys: Keys,
    reservation: bytes,
    payer: bytes,
    amount: int,
    epoch: int,
    chain_id: int,
    address: bytes,
) -> None:
    release = Release(Pubkey(reservation), payer, amount, epoch)
    domain = {
        "name": "GridTokenX ThaiBahtBridge",
        "version": "1",
        "chainId": chain_id,
        "verifyingContract": "0x" + address.hex(),
    }
    values = {
        "reservation": reservation,
        "payer": "0x" + payer.hex(),
        "amount": amount,
        "guardianEpoch": epoch,
    }
    signable = encode_typed_data(domain, TYPES, values)
    signed = Account.sign_message(signable, keys.evm.secret)
    digest = release.digest(BridgeId(chain_id, address))
    assert digest == bytes(signed.message_hash)
    assert keys.sign_evm(digest) == bytes(signed.signature)
