"""Who wants to be told what, and the telling when a slot is durable."""

import asyncio
import itertools
import json
from collections import defaultdict
from dataclasses import dataclass, field

from solders.account import Account
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.system_program import ID as SYSTEM_PROGRAM

from gridtokenx_hub.json_types import Json, JsonObject
from gridtokenx_hub.local_chain.bank import TELL_TIME, Bank
from gridtokenx_hub.local_chain.encoding import notified_account_json
from gridtokenx_hub.local_chain.records import Block, ExecutedTransaction, error_of
from gridtokenx_hub.local_chain.rpc_errors import INTERNAL_ERROR, RpcError
from gridtokenx_hub.local_chain.websocket.connection import Connection
from gridtokenx_hub.local_chain.websocket.topics import EVERYTHING, Kind, Topic

MAX_SUBSCRIPTIONS = 100_000
_TELLS_TIME = frozenset(bytes(address) for address in TELL_TIME)


@dataclass(slots=True)
class Subscription:
    """A topic under the number that its notifications carry."""

    id: int
    topic: Topic
    subscribers: set[Connection] = field(default_factory=set)

    def tell(self, result: Json) -> None:
        """Tell all subscribers."""
        notification = json.dumps(
            {
                "jsonrpc": "2.0",
                "method": f"{self.topic.kind}Notification",
                "params": {"result": result, "subscription": self.id},
            },
            separators=(",", ":"),
        ).encode()
        for connection in self.subscribers:
            connection.tell(notification)


class Subscriptions:
    """All subscriptions of all connections; `follows_time` is set while somebody follows time."""

    def __init__(self, bank: Bank) -> None:
        self.follows_time = asyncio.Event()
        self._bank = bank
        self._ids = itertools.count()
        self._by_id: dict[int, Subscription] = {}
        self._by_topic: dict[Topic, Subscription] = {}
        self._by_key: defaultdict[tuple[Kind, bytes], dict[int, Subscription]] = defaultdict(dict)
        self._count = 0
        self._parent = 0

    def add(self, connection: Connection, topic: Topic) -> Subscription:
        """Subscribe `connection` to `topic`.

        Raises:
            RpcError: there are too many subscriptions.
        """
        subscription = self._by_topic.get(topic)
        if subscription is None or connection not in subscription.subscribers:
            if self._count >= MAX_SUBSCRIPTIONS:
                raise RpcError(
                    INTERNAL_ERROR,
                    "Internal Error: Subscription refused. Node subscription limit reached",
                )
            self._count += 1
        if subscription is None:
            subscription = Subscription(next(self._ids), topic)
            self._by_id[subscription.id] = self._by_topic[topic] = subscription
            self._by_key[topic.kind, topic.key][subscription.id] = subscription
            self._see_who_follows_time()
        subscription.subscribers.add(connection)
        connection.subscriptions.add(subscription.id)
        return subscription

    def remove(self, connection: Connection, number: int) -> bool:
        """End a subscription of `connection`; false if it has none of this number."""
        if number not in connection.subscriptions:
            return False
        connection.subscriptions.remove(number)
        self._count -= 1
        subscription = self._by_id[number]
        subscription.subscribers.remove(connection)
        if not subscription.subscribers:
            topic = subscription.topic
            del self._by_id[number], self._by_topic[topic]
            of_key = self._by_key[topic.kind, topic.key]
            del of_key[number]
            if not of_key:
                del self._by_key[topic.kind, topic.key]
            self._see_who_follows_time()
        return True

    def remove_all(self, connection: Connection) -> None:
        """End all subscriptions of a connection that is gone."""
        for number in list(connection.subscriptions):
            self.remove(connection, number)

    def publish(self, block: Block, parent: int) -> None:
        """Tell what a durable slot brought; `parent` is the number of the slot before it."""
        if not self._by_id:
            return
        number = block.slot.number
        for transaction in block.transactions:
            self._publish_logs(number, transaction)
            for subscription in self._of(Kind.SIGNATURE, transaction.signature):
                self.conclude(subscription, number, error_of(transaction))
        for address in block.account_images.keys() | _TELLS_TIME:
            self._publish_account(number, Pubkey(address))
        for subscription in self._of(Kind.SLOT):
            subscription.tell({"parent": parent, "root": number, "slot": number})
        for subscription in self._of(Kind.ROOT):
            subscription.tell(number)

    def conclude(self, subscription: Subscription, slot: int, error: Json) -> None:
        """Tell how a transaction ended, which ends the subscription."""
        subscription.tell(_at(slot, {"err": error}))
        for connection in list(subscription.subscribers):
            self.remove(connection, subscription.id)

    def _publish_logs(self, slot: int, transaction: ExecutedTransaction) -> None:
        wanted = self._of(Kind.LOGS)
        for address in dict.fromkeys(transaction.addresses):
            wanted += self._of(Kind.LOGS, address)
        if not wanted:
            return
        value: JsonObject = {
            "signature": str(Signature(transaction.signature)),
            "err": error_of(transaction),
            "logs": json.loads(transaction.meta)["logMessages"],
        }
        for subscription in wanted:
            subscription.tell(_at(slot, value))

    def _publish_account(self, slot: int, address: Pubkey) -> None:
        account = self._bank.account(address) or Account(0, b"", SYSTEM_PROGRAM)
        for subscription in self._of(Kind.ACCOUNT, bytes(address)):
            subscription.tell(_at(slot, _shown(account, subscription.topic)))
        for subscription in self._of(Kind.PROGRAM, bytes(account.owner)):
            if subscription.topic.wants(account):
                shown = _shown(account, subscription.topic)
                subscription.tell(_at(slot, {"account": shown, "pubkey": str(address)}))

    def _of(self, kind: Kind, key: bytes = EVERYTHING) -> list[Subscription]:
        found = self._by_key.get((kind, key))
        return list(found.values()) if found else []

    def _see_who_follows_time(self) -> None:
        keys = ((Kind.SLOT, EVERYTHING), (Kind.ROOT, EVERYTHING))
        sysvars = ((Kind.ACCOUNT, address) for address in _TELLS_TIME)
        if any(key in self._by_key for key in (*keys, *sysvars)):
            self.follows_time.set()
        else:
            self.follows_time.clear()


def _shown(account: Account, topic: Topic) -> JsonObject:
    return notified_account_json(account, topic.encoding)


def _at(slot: int, value: JsonObject) -> JsonObject:
    return {"context": {"slot": slot}, "value": value}
