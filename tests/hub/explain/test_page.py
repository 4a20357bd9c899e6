"""The page checks an honest hub, and sees through a lying one, in a real Chromium."""

import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lies
import pytest
from browser import PATIENCE_MS, Visit, visit
from houses import Case, House, house, settle, settled_case
from hub_world import HubWorld, expect
from playwright.async_api import Browser, Route

from gridtokenx_edge.records import Range
from gridtokenx_protocol.cbor import encode_map
from gridtokenx_protocol.errors import Malformed
from gridtokenx_protocol.keys import Algorithm
from gridtokenx_protocol.registers import (
    DecodingRule,
    NotAvailable,
    RegisterType,
    decode_registers,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

ALL = ("transaction", "signature", "record", "key", "amount", "chain", "registers")
HOUSEHOLD = ("chain", "registers")
EXPLANATION = "**/api/explain/*"
READINGS = "**/readings?*"
SAME_WORDS = """async () => {
  const { LANGUAGES } = await import("/static/explain/words.js");
  const names = (one, path = "") => typeof one === "string" ? [path]
    : Object.entries(one).flatMap(([name, value]) => names(value, `${path}.${name}`));
  const [english, ...others] = Object.values(LANGUAGES).map((one) => names(one).sort());
  return others.filter((one) => String(one) !== String(english)).length;
}"""


async def share_of(world: HubWorld, made: House, signature: str) -> str:
    body = {"meter_id": made.meter_id}
    response = await world.post(f"/api/explain/{signature}/shares", body, made.user.token)
    return str(expect(response, 201)["path"])


@pytest.fixture(scope="session")
def url(hub_url: str, world: HubWorld, case: Case) -> Callable[..., Any]:
    async def made() -> str:
        return hub_url + await share_of(world, case.house, case.second)

    return made


class TestHonest:
    @pytest.mark.parametrize("algorithm", list(Algorithm), ids=lambda one: one.name)
    async def test_all_is_right(
        self,
        world: HubWorld,
        case: Case,
        p256_case: Case,
        browser: Browser,
        hub_url: str,
        algorithm: Algorithm,
    ) -> None:
        shown = case if algorithm is Algorithm.ED25519 else p256_case
        for signature, amount in ((shown.second, "2 kWh"), (shown.first, "3 kWh")):
            async with visit(browser) as visitor:
                await visitor.page.goto(hub_url + await share_of(world, shown.house, signature))
                assert await visitor.verdict() == "right", await visitor.text("#explain")
                assert await visitor.steps() == dict.fromkeys(ALL, "right")
                assert await visitor.text(".settlement h2") == amount
                assert not visitor.complaints

    async def test_what_is_public_is_right_and_the_rest_left_open(
        self, case: Case, browser: Browser, hub_url: str
    ) -> None:
        async with visit(browser) as visitor:
            await visitor.page.goto(f"{hub_url}/explain/{case.second}")
            assert await visitor.verdict() == "open"
            public = dict.fromkeys(set(ALL) - set(HOUSEHOLD), "right")
            assert await visitor.steps() == public | dict.fromkeys(HOUSEHOLD, "open")
            assert "belongs to the household" in await visitor.text("#settlement-0-chain")
            assert not visitor.complaints

    async def test_the_owner_sees_all_and_makes_a_link(
        self, case: Case, browser: Browser, hub_url: str
    ) -> None:
        async with visit(browser) as visitor:
            page = visitor.page
            await page.goto(f"{hub_url}/explain/{case.second}")
            await visitor.verdict()
            await page.fill("#token", case.house.user.token)
            await page.click("#token-form button")
            await page.wait_for_selector("#verdict.right", timeout=PATIENCE_MS)
            await page.click("#share")
            link = page.locator("#share-link")
            await link.wait_for(state="visible")
            shared = await link.input_value()
            assert not visitor.complaints
        async with visit(browser) as other:
            await other.page.goto(shared)
            assert await other.verdict() == "right"
            assert await other.page.is_hidden("#sharing"), "who was shown it passes the link on"

    @pytest.mark.parametrize("language", ["en-GB", "th-TH"])
    async def test_the_session_of_the_other_pages_is_enough(
        self, world: HubWorld, case: Case, browser: Browser, hub_url: str, language: str
    ) -> None:
        async with visit(browser, 360, language) as visitor:
            page = visitor.page
            await page.goto(f"{hub_url}/explain/{case.second}")
            assert await visitor.verdict() == "open"
            await page.evaluate("sessionStorage.setItem('gridtokenx-token', 'gtx_of_nobody')")
            await page.click("#sign-in")
            await page.wait_for_url("**/sign-in?back=**")
            await page.fill("#token", case.house.user.token)
            await page.keyboard.press("Enter")
            await page.wait_for_url(f"{hub_url}/explain/{case.second}")
            assert await visitor.verdict() == "right", await visitor.text("#explain")
            assert await page.locator("#token-form").count() == 0
            assert await page.is_visible("#share")
            assert not visitor.complaints

    async def test_the_session_of_another_household_shows_no_more_than_anybody_sees(
        self, world: HubWorld, case: Case, browser: Browser, hub_url: str
    ) -> None:
        other = await world.user()
        async with visit(browser) as visitor:
            page = visitor.page
            await page.goto(f"{hub_url}/sign-in?back=/explain/{case.second}")
            await page.fill("#token", other.token)
            await page.keyboard.press("Enter")
            await page.wait_for_url(f"{hub_url}/explain/{case.second}")
            assert await visitor.verdict() == "open"
            assert "not yours" in await visitor.text("#owner")
            assert not await page.is_visible("#share")
            assert not visitor.complaints

    async def test_several_households_in_one_transaction(
        self, world: HubWorld, browser: Browser, hub_url: str, tmp_path: Path
    ) -> None:
        houses = [await house(world, tmp_path) for _ in range(2)]
        signature = await settle(world, *[(one, await one.interval(2)) for one in houses])
        async with visit(browser) as visitor:
            await visitor.page.goto(hub_url + await share_of(world, houses[1], signature))
            assert await visitor.verdict() == "open"
            found = await visitor.page.eval_on_selector_all(
                "li.step", "all => all.map((one) => one.id + ' ' + one.className.split(' ').pop())"
            )
            assert "settlement-0-chain open" in found
            assert sum(one.endswith("open") for one in found) == len(HOUSEHOLD)
            assert "settlement-1-chain right" in found
            assert not visitor.complaints

    async def test_a_gap_that_the_device_signed(
        self, world: HubWorld, browser: Browser, hub_url: str, tmp_path: Path
    ) -> None:
        lossy = await house(world, tmp_path)
        lost = (await lossy.read(1, arrives=False)).record.sequence
        await lossy.read(1, dropped=[Range(2, lost)])
        signature = await settle(world, (lossy, await lossy.interval(1)))
        async with visit(browser) as visitor:
            await visitor.page.goto(hub_url + await share_of(world, lossy, signature))
            assert await visitor.verdict() == "right", await visitor.text("#explain")
            facts = await visitor.page.text_content("#settlement-0-chain dl") or ""
            assert f"{lost} \u2013 {lost}" in facts

    async def test_a_hub_that_asks_for_patience(
        self, browser: Browser, url: Callable[..., Any]
    ) -> None:
        async with visit(browser) as visitor:
            refused = []

            async def once(route: Route) -> None:
                if refused:
                    await route.continue_()
                else:
                    refused.append(route.request.url)
                    await route.fulfill(status=429, json={"detail": "too many requests"})

            await visitor.page.route(READINGS, once)
            await visitor.page.goto(await url())
            assert await visitor.verdict() == "right"
            assert refused

    async def test_what_is_no_longer_kept(
        self, world: HubWorld, browser: Browser, hub_url: str, tmp_path: Path
    ) -> None:
        old = await settled_case(world, tmp_path)
        delete = "DELETE FROM readings WHERE meter_id = $1 AND sequence < $2"
        for below, last in ((old.settled.record.sequence - 1, "right"), (2**62, "open")):
            await world.pool.execute(delete, old.house.config.id, below)
            async with visit(browser) as visitor:
                await visitor.page.goto(hub_url + await share_of(world, old.house, old.second))
                assert await visitor.verdict() == "open", await visitor.text("#explain")
                assert await visitor.steps() == dict.fromkeys(ALL, "right") | {
                    "chain": "open",
                    "registers": last,
                }
                assert "no longer kept" in await visitor.text("#settlement-0-chain")


class TestLies:
    @pytest.mark.parametrize("lie", lies.EXPLANATION)
    async def test_the_hub_lies(self, browser: Browser, url: Callable[..., Any], lie: str) -> None:
        failing, alter = lies.EXPLANATION[lie]
        async with visit(browser) as visitor:
            await visitor.lie(EXPLANATION, alter)
            await visitor.page.goto(await url())
            assert await visitor.verdict() == "wrong"
            await self.told(visitor, failing)

    @pytest.mark.parametrize("lie", lies.READINGS)
    async def test_the_hub_lies_about_the_chain(
        self, browser: Browser, url: Callable[..., Any], lie: str
    ) -> None:
        async with visit(browser) as visitor:
            await visitor.lie(READINGS, lies.READINGS[lie])
            await visitor.page.goto(await url())
            assert await visitor.verdict() == "wrong"
            await self.told(visitor, "chain")
            assert (await visitor.steps())["amount"] == "right"

    async def test_an_older_settlement_for_the_one_before(
        self, world: HubWorld, case: Case, browser: Browser, url: Callable[..., Any]
    ) -> None:
        """All that the hub says of it is true, but it is not the one before."""
        first = expect(await world.get(f"/api/explain/{case.first}"), 200)
        older = first["settlements"][0]["previous"]
        async with visit(browser) as visitor:
            await visitor.lie(EXPLANATION, lies.put("previous", value=older))
            await visitor.page.goto(await url())
            assert await visitor.verdict() == "wrong"
            assert "rose by 5 kWh, but 2 kWh were minted" in await visitor.text(
                "#settlement-0-amount .problems"
            )

    async def test_a_reading_withheld_is_not_called_right(
        self, browser: Browser, url: Callable[..., Any]
    ) -> None:
        async with visit(browser) as visitor:
            await visitor.lie(
                READINGS,
                lambda page: page | {"readings": page["readings"][:1] + page["readings"][2:]},
            )
            await visitor.page.goto(await url())
            assert await visitor.verdict() == "open"
            assert (await visitor.steps())["chain"] == "open"

    async def told(self, visitor: Visit, failing: str) -> None:
        """The failing step is the first that is wrong, says why, and the verdict names it."""
        steps = await visitor.steps()
        assert next(name for name in ALL if steps[name] == "wrong") == failing, steps
        item = f"li.step[id$='-{failing}']"
        assert await visitor.text(f"{item} .problems li >> nth=0")
        title = (
            (await visitor.page.inner_text(f"{item} .told > :first-child"))
            .removesuffix("wrong")
            .strip()
        )
        assert title in await visitor.text("#verdict")


class TestNode:
    async def lie(self, visitor: Visit, node: str, alter: Callable[[Any], Any]) -> None:
        await visitor.lie(f"{node}/", alter)

    @pytest.mark.parametrize("part", ["message", "signature", "error"])
    async def test_a_node_that_alters_the_transaction(
        self, world: HubWorld, browser: Browser, url: Callable[..., Any], part: str
    ) -> None:
        def alter(answer: Any) -> Any:
            found = answer["result"]
            if not isinstance(found, dict) or "transaction" not in found:
                return answer
            if part == "error":
                found["meta"]["err"] = {"InstructionError": [2, "InvalidArgument"]}
                return answer
            data, encoding = found["transaction"]
            place = 20 if part == "signature" else len(data) - 100
            other = "A" if data[place] != "A" else "B"
            found["transaction"] = [data[:place] + other + data[place + 1 :], encoding]
            return answer

        async with visit(browser) as visitor:
            await self.lie(visitor, world.context.public_rpc_url, alter)
            await visitor.page.goto(await url())
            assert await visitor.verdict() == "wrong"
            assert (await visitor.steps())["transaction"] == "wrong"

    @pytest.mark.parametrize(
        ("lie", "failing"),
        [
            (lies.other_key, "key"),
            (lies.no_account, "key"),
            (lies.other_owner_program, "key"),
            (lies.other_balance, "amount"),
            (lies.not_final, "transaction"),
            (lies.no_events, "key"),
        ],
        ids=lambda one: getattr(one, "__name__", one),
    )
    async def test_a_node_that_says_otherwise(
        self,
        world: HubWorld,
        browser: Browser,
        url: Callable[..., Any],
        lie: Callable[[Any], Any],
        failing: str,
    ) -> None:
        async with visit(browser) as visitor:
            await self.lie(visitor, world.context.public_rpc_url, lie)
            await visitor.page.goto(await url())
            assert await visitor.verdict() == "wrong"
            steps = await visitor.steps()
            assert next(name for name in ALL if steps[name] == "wrong") == failing

    async def test_the_visitor_types_another_node(
        self, world: HubWorld, browser: Browser, url: Callable[..., Any]
    ) -> None:
        async with visit(browser) as visitor:
            page = visitor.page
            await page.goto(await url())
            assert await visitor.verdict() == "right"
            await page.fill("#node", "http://127.0.0.1:1")
            await page.click("#check")
            await page.wait_for_selector("#verdict.wrong", timeout=PATIENCE_MS)
            assert "could not be checked" in await visitor.text("#transaction-transaction")
            visitor.complaints.clear()  # the browser itself tells of the refused connection
            await page.fill("#node", world.context.public_rpc_url.replace("127.0.0.1", "localhost"))
            await page.click("#check")
            await page.wait_for_selector("#verdict.right", timeout=PATIENCE_MS)
            assert not visitor.complaints

    async def test_a_hub_that_suggests_none(
        self, world: HubWorld, browser: Browser, url: Callable[..., Any]
    ) -> None:
        with world.having(public_rpc_url=""):
            async with visit(browser) as visitor:
                await visitor.page.goto(await url())
                assert await visitor.verdict() == "open"
                assert "node" in await visitor.text("#verdict")
                assert not visitor.complaints


class TestPage:
    async def test_no_such_transaction(self, case: Case, browser: Browser, hub_url: str) -> None:
        async with visit(browser) as visitor:
            await visitor.page.goto(f"{hub_url}/explain/{'1' * 64}")
            assert await visitor.verdict() == "wrong"
            assert "no such transaction" in await visitor.text("#verdict")
            response = await visitor.page.goto(f"{hub_url}/explain/none")
            assert response is not None
            assert response.status == 404

    async def test_only_here_may_a_page_ask_elsewhere(self, world: HubWorld, case: Case) -> None:
        policy = "content-security-policy"
        here = (await world.get(f"/explain/{case.second}")).headers[policy]
        elsewhere = (await world.get("/")).headers[policy]
        assert "connect-src 'self' http: https:;" in here
        assert here.replace(" http: https:", "") == elsewhere

    @pytest.mark.parametrize("width", [1200, 360])
    @pytest.mark.parametrize("language", ["en-GB", "th-TH"])
    async def test_everybody_can_use_it(
        self, browser: Browser, url: Callable[..., Any], language: str, width: int, axe: str
    ) -> None:
        shared = await url()
        for alter in (None, lies.EXPLANATION["another amount"][1]):
            async with visit(browser, width, language) as visitor:
                if alter:
                    await visitor.lie(EXPLANATION, alter)
                await visitor.page.goto(shared if alter else shared.partition("#")[0])
                await visitor.verdict()
                for summary in await visitor.page.query_selector_all("summary"):
                    await summary.press("Enter")
                assert await visitor.page.evaluate(
                    "document.documentElement.scrollWidth <= innerWidth"
                ), "nothing is wider than the page"
                assert await visitor.page.get_attribute("html", "lang") == language[:2]
                await visitor.page.evaluate(axe)
                found = await visitor.page.evaluate("axe.run()")
                assert not found["violations"], json.dumps(found["violations"], indent=1)
                shown = await visitor.text("body")
                for slip in ("undefined", "[object", "null", "{0}"):
                    assert slip not in shown
                labels = await visitor.page.eval_on_selector_all(
                    "dt", "all => all.map((one) => one.textContent)"
                )
                unnamed = re.compile("[a-z][-_][a-z]")  # a label's name in place of its words
                assert not [label for label in labels if unnamed.search(label)]
                assert not visitor.complaints

    async def test_a_link_goes_along_into_the_other_language(
        self, browser: Browser, url: Callable[..., Any]
    ) -> None:
        async with visit(browser) as visitor:
            page = visitor.page
            await page.goto(await url())
            assert await visitor.verdict() == "right"
            await page.click(".languages a[lang=th]")
            await page.wait_for_selector("html[lang=th]")
            assert await visitor.verdict() == "right"
            assert await page.is_hidden("#owner")
            assert not visitor.complaints

    async def test_every_word_is_there_in_every_language(
        self, browser: Browser, url: Callable[..., Any]
    ) -> None:
        async with visit(browser) as visitor:
            await visitor.page.goto(await url())
            different = await visitor.page.evaluate(SAME_WORDS)
            assert different == 0


class TestDecoding:
    """The page's own reading of registers says the same as the device's."""

    DECODE = """async (cases) => {
      const { decodeCbor } = await import("/static/explain/cbor.js");
      const { fromHex } = await import("/static/explain/bytes.js");
      const { decodeRegisters, ruleOf } = await import("/static/explain/registers.js");
      return cases.map(([rule, raw]) => {
        try {
          const read = ruleOf(decodeCbor(fromHex(rule)).get("rule"));
          return String(decodeRegisters(read, fromHex(raw)));
        } catch {
          return "refused";
        }
      });
    }"""

    async def test_random_rules(self, browser: Browser, url: Callable[..., Any]) -> None:
        draw = random.Random(20251124)  # noqa: S311 - the same cases each time
        cases = [self.drawn(draw) for _ in range(3_000)]
        given = [(encode_map({"rule": rule.signed_form()}).hex(), raw.hex()) for rule, raw in cases]
        async with visit(browser) as visitor:
            await visitor.page.goto(await url())
            found = await visitor.page.evaluate(self.DECODE, given)
        expected = [self.read(rule, raw) for rule, raw in cases]
        assert found == expected
        assert {"null", "refused", "0"} < set(expected), "each way is taken"

    def drawn(self, draw: random.Random) -> tuple[DecodingRule, bytes]:
        rule = DecodingRule(
            type=draw.choice(list(RegisterType)),
            little_words=draw.random() < 0.5,
            not_available=draw.choice(list(NotAvailable)),
            phases=draw.choice([1, 1, 2, 3]),
            numerator=draw.choice([1, -1, 1_000, -1_000_000, draw.randint(-(10**9), 10**9)]),
            denominator=draw.choice([1, 10, 7, 1_000]),
            scale_follows=draw.random() < 0.3,
            rounds_down=draw.random() < 0.5,
            optional=draw.random() < 0.2,
        )
        size = 2 * rule.type.words
        odd = [b"\xff" * size, b"\x80" + bytes(size - 1), b"\x7f" + b"\xff" * (size - 1)]
        if rule.type is RegisterType.THOUSANDTHS64:  # drawn at random, few are below a thousand
            odd += [draw.randbytes(4) + bytes.fromhex(low) for low in ("000003e7", "03e70000")]
        parts = [draw.choice([*odd, bytes(size), draw.randbytes(size)]) for _ in range(rule.phases)]
        if rule.scale_follows:
            scale = draw.choice([draw.randint(-10, 10), 11, -32_768])
            parts.append(scale.to_bytes(2, "big", signed=True))
        return rule, b"".join(parts)

    def read(self, rule: DecodingRule, raw: bytes) -> str:
        try:
            value = decode_registers(rule, raw)
        except Malformed:
            return "refused"
        return "null" if value is None else str(value)
