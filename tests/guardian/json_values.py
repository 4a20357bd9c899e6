"""Whatever an endpoint may say: JSON of any form, with the names that answers have."""

from typing import Any

from hypothesis import strategies as st

NAMES = ["number", "hash", "timestamp", "context", "value", "slot", "data", "owner", "pubkey"]
NAMES += ["account", "signature", "err", "meta", "transaction", "blockNumber", "blockHash"]
NAMES += ["innerInstructions", "instructions", "topics", "address"]
WORDS = st.binary(max_size=200).map(lambda data: "0x" + data.hex())
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | WORDS
)


def _wider(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    names = st.sampled_from(NAMES) | st.text(max_size=5)
    return st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=6)


JSON = st.recursive(LEAVES, _wider, max_leaves=12)
