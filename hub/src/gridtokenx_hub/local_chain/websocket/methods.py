"""The methods of the websocket: each takes the subscriber and the parameters as they came."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from solders.pubkey import Pubkey
from solders.signature import Signature

from gridtokenx_hub.json_types import Json, JsonObject
from gridtokenx_hub.local_chain.chain import LocalChain
from gridtokenx_hub.local_chain.encoding import account_encoding, data_slice
from gridtokenx_hub.local_chain.filters import data_filters
from gridtokenx_hub.local_chain.params import Config, Params, kind_of, text
from gridtokenx_hub.local_chain.records import error_of
from gridtokenx_hub.local_chain.rpc_errors import invalid_params
from gridtokenx_hub.local_chain.websocket.connection import Connection
from gridtokenx_hub.local_chain.websocket.subscriptions import Subscription, Subscriptions
from gridtokenx_hub.local_chain.websocket.topics import EVERYTHING, Kind, Topic

T = TypeVar("T", Pubkey, Signature)
_COMMITMENTS = ("processed", "confirmed", "finalized")


@dataclass(frozen=True, slots=True)
class Subscriber:
    """One connection to the chain, as its requests see it."""

    chain: LocalChain
    subscriptions: Subscriptions
    connection: Connection

    def add(self, topic: Topic) -> int:
        """Subscribe to `topic`; the answer is the subscription's number."""
        return self.subscriptions.add(self.connection, topic).id


async def account_subscribe(subscriber: Subscriber, values: Json) -> Json:
    """Tell an account whenever it changes."""
    return subscriber.add(_about_accounts(Kind.ACCOUNT, values))


async def program_subscribe(subscriber: Subscriber, values: Json) -> Json:
    """Tell every account of a program that passes all filters whenever it changes."""
    return subscriber.add(_about_accounts(Kind.PROGRAM, values))


async def logs_subscribe(subscriber: Subscriber, values: Json) -> Json:
    """Tell the logs of every transaction, or of those that name an address."""
    params = Params(values, required=1, allowed=2)
    key = _mentioned(params.mapping_or_text(0))
    return subscriber.add(Topic(Kind.LOGS, key, _commitment(params.config(1))))


async def root_subscribe(subscriber: Subscriber, values: Json) -> Json:
    """Tell each slot that is final."""
    Params(values, required=0, allowed=0)
    return subscriber.add(Topic(Kind.ROOT))


async def slot_subscribe(subscriber: Subscriber, values: Json) -> Json:
    """Tell each slot."""
    Params(values, required=0, allowed=0)
    return subscriber.add(Topic(Kind.SLOT))


async def signature_subscribe(subscriber: Subscriber, values: Json) -> Json:
    """Tell how a transaction ended, once; at once if it has ended already."""
    params = Params(values, required=1, allowed=2)
    signature = bytes(_parsed(Signature, params.text(0), "signature"))
    topic = Topic(Kind.SIGNATURE, signature, _commitment(params.config(1)))
    chain, subscriptions = subscriber.chain, subscriber.subscriptions

    def subscribe() -> Subscription:
        subscription = subscriptions.add(subscriber.connection, topic)
        stored = chain.recent_transaction(signature)
        if stored is not None:
            subscriptions.conclude(subscription, chain.window.tip.number, error_of(stored))
        return subscription

    # Between two slots, or one that is under way could be told neither here nor when it is durable.
    return (await chain.producer.read(subscribe)).id


async def unsubscribe(subscriber: Subscriber, values: Json) -> Json:
    """End any subscription of this connection, whatever it is to."""
    number = Params(values, required=1, allowed=1).u64(0)
    if not subscriber.subscriptions.remove(subscriber.connection, number):
        raise invalid_params("Invalid subscription id.")
    return True


_SUBSCRIBE: dict[Kind, Callable[[Subscriber, Json], Awaitable[Json]]] = {
    Kind.ACCOUNT: account_subscribe,
    Kind.LOGS: logs_subscribe,
    Kind.PROGRAM: program_subscribe,
    Kind.ROOT: root_subscribe,
    Kind.SIGNATURE: signature_subscribe,
    Kind.SLOT: slot_subscribe,
}
METHODS = {f"{kind}Subscribe": method for kind, method in _SUBSCRIBE.items()} | {
    f"{kind}Unsubscribe": unsubscribe for kind in Kind
}


def _about_accounts(kind: Kind, values: Json) -> Topic:
    params = Params(values, required=1, allowed=2)
    address, config = bytes(_parsed(Pubkey, params.text(0), "pubkey")), params.config(1)
    part = data_slice(config)
    return Topic(
        kind=kind,
        key=address,
        commitment=_commitment(config),
        part=(part.start, part.stop),
        encoding=account_encoding(config),
        filters=data_filters(config) if kind is Kind.PROGRAM else (),
    )


def _mentioned(wanted: JsonObject | str | None) -> bytes:
    if wanted in ("all", "allWithVotes"):  # nobody votes here
        return EVERYTHING
    if isinstance(wanted, dict) and list(wanted) == ["mentions"]:
        addresses = wanted["mentions"]
        if not isinstance(addresses, list):
            raise invalid_params(
                f"Invalid params: invalid type: {kind_of(addresses)}, expected a sequence."
            )
        if len(addresses) != 1:
            raise invalid_params("Invalid Request: Only 1 address supported")
        return bytes(_parsed(Pubkey, text(addresses[0]), "mentions"))
    if isinstance(wanted, dict) and len(wanted) != 1:
        raise invalid_params("Invalid params: invalid value: map, expected map with a single key.")
    name = wanted if isinstance(wanted, str) else next(iter(wanted or ()), "")
    raise invalid_params(
        f"Invalid params: unknown variant `{name}`, expected one of `all`, `allWithVotes`,"
        " `mentions`."
    )


def _commitment(config: Config) -> str | None:
    value = config.get("commitment")
    return value if value in _COMMITMENTS else None


def _parsed(kind: type[T], encoded: str, name: str) -> T:
    try:
        return kind.from_string(encoded)
    except ValueError as error:
        raise invalid_params(f"Invalid Request: Invalid {name} provided") from error
