"""How the chain is and how far it has come."""

from solders.hash import Hash

from gridtokenx_hub.json_types import Json
from gridtokenx_hub.local_chain.chain import SOLANA_CORE, LocalChain
from gridtokenx_hub.local_chain.params import Params
from gridtokenx_hub.local_chain.rpc_errors import BLOCK_NOT_AVAILABLE, SLOT_SKIPPED, RpcError


async def get_health(chain: LocalChain, values: Json) -> Json:
    """`ok`, as long as there is an answer at all."""
    Params(values, required=0, allowed=0)
    return await chain.producer.read(lambda: "ok")


async def get_version(_chain: LocalChain, values: Json) -> Json:
    """The Agave release whose virtual machine runs here."""
    Params(values, required=0, allowed=0)
    return {"solana-core": SOLANA_CORE, "feature-set": 0}


async def get_genesis_hash(chain: LocalChain, values: Json) -> Json:
    """What was drawn when the chain was created."""
    Params(values, required=0, allowed=0)
    return str(Hash(chain.ledger.creation.genesis_hash))


async def get_slot(chain: LocalChain, values: Json) -> Json:
    """The newest slot."""
    config = Params(values, required=0, allowed=1).config(0)
    await chain.producer.catch_up()
    config.require_context(chain.window.tip.number)
    return chain.window.tip.number


async def get_block_height(chain: LocalChain, values: Json) -> Json:
    """The height by which blockhashes expire: one for each 400 ms."""
    config = Params(values, required=0, allowed=1).config(0)
    await chain.producer.catch_up()
    config.require_context(chain.window.tip.number)
    return chain.window.tip.block_height


async def get_block_time(chain: LocalChain, values: Json) -> Json:
    """Unix time of a slot."""
    number = Params(values, required=1, allowed=1).u64(0)
    if number > chain.window.tip.number:
        raise RpcError(BLOCK_NOT_AVAILABLE, f"Block not available for slot {number}")
    unix_s = chain.ledger.slot_unix_s(number)
    if unix_s is None:
        raise RpcError(
            SLOT_SKIPPED,
            f"Slot {number} was skipped, or missing due to ledger jump to recent snapshot",
        )
    return unix_s


async def get_latest_blockhash(chain: LocalChain, values: Json) -> Json:
    """A blockhash for new transactions and the last height at which it is good."""
    config = Params(values, required=0, allowed=1).config(0)
    await chain.producer.catch_up()
    tip = chain.window.tip
    config.require_context(tip.number)
    return chain.in_context(
        {
            "blockhash": str(Hash(tip.blockhash)),
            "lastValidBlockHeight": chain.window.last_valid_height(tip.blockhash),
        }
    )


async def is_blockhash_valid(chain: LocalChain, values: Json) -> Json:
    """Whether a transaction with this blockhash could be executed now."""
    params = Params(values, required=1, allowed=2)
    blockhash = bytes(params.blockhash(0))
    await chain.producer.catch_up()
    params.config(1).require_context(chain.window.tip.number)
    return chain.in_context(chain.window.is_valid(blockhash, chain.window.tip.block_height))
