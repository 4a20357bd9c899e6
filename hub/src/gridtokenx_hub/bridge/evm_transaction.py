"""Transactions of the EVM (EIP-1559), encoded in RLP (Yellow Paper, appendix B)."""

from collections.abc import Sequence
from dataclasses import dataclass

from coincurve import PrivateKey

from gridtokenx_programs.evm.words import WORD, keccak

TYPE = b"\x02"
_SHORT = 55
_STRING, _LIST = 0x80, 0xC0

Item = bytes | int | Sequence["Item"]


@dataclass(frozen=True, slots=True)
class EvmTransaction:
    """A call of a contract, or ether for an account; fees are in wei for each unit of gas."""

    chain_id: int
    nonce: int
    priority_fee_wei: int
    max_fee_wei: int
    gas: int
    to: bytes
    data: bytes
    value_wei: int = 0

    def signed(self, key: PrivateKey) -> bytes:
        """The bytes that a node takes; the same key makes the same of the same (RFC 6979)."""
        fields = self._fields()
        signature = key.sign_recoverable(keccak(TYPE + rlp(fields)), hasher=None)
        r, s = (int.from_bytes(signature[at : at + WORD], "big") for at in (0, WORD))
        return TYPE + rlp([*fields, signature[-1], r, s])

    def _fields(self) -> list[Item]:
        access_list: list[Item] = []
        return [
            self.chain_id,
            self.nonce,
            self.priority_fee_wei,
            self.max_fee_wei,
            self.gas,
            self.to,
            self.value_wei,
            self.data,
            access_list,
        ]


def transaction_hash(raw: bytes) -> bytes:
    """The 32 bytes by which a signed transaction is known."""
    return keccak(raw)


def rlp(item: Item) -> bytes:
    """Encode bytes, a number that is not negative, or a list of these."""
    if isinstance(item, int):
        return rlp(item.to_bytes((item.bit_length() + 7) // 8, "big"))
    if isinstance(item, bytes):
        if len(item) == 1 and item[0] < _STRING:
            return item
        return _headed(item, _STRING)
    return _headed(b"".join(map(rlp, item)), _LIST)


def _headed(content: bytes, offset: int) -> bytes:
    size = len(content)
    if size <= _SHORT:
        return bytes([offset + size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([offset + _SHORT + len(length)]) + length + content
