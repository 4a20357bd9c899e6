"""A signing key in a PKCS #11 token: SoftHSM stands for a chip."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pkcs11
import pytest
from tests.edge.fake_hub import FakeHub
from tests.edge.fake_meter import FakeMeter
from tests.edge.site import MakeSite
from tests.edge.softhsm import MODULE, PIN, make_token, needs_softhsm
from tests.edge.test_identity import bench_on

from gridtokenx_edge.checkpoint import checkpoint_path
from gridtokenx_edge.cli import main
from gridtokenx_edge.config import MeterConfig
from gridtokenx_edge.errors import (
    ConfigError,
    KeyFileError,
    KeyUnavailable,
    PinRefused,
    TokenFull,
    TokenMissing,
)
from gridtokenx_edge.keystore import (
    TokenKey,
    create_private_file,
    create_signing_key,
    destroy_signing_key,
    key_in_token,
    load_signer,
    parse_token_key,
    taken_names,
    token_keys,
    token_session,
)
from gridtokenx_edge.keystore import token as token_module
from gridtokenx_edge.meters import Profile
from gridtokenx_protocol import cose
from gridtokenx_protocol.keys import Algorithm, SoftwareSigner, check_low_s


@pytest.fixture(scope="session")
def token_label(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One token for all tests: SoftHSM reads its settings once in a process."""
    with pytest.MonkeyPatch.context() as patch:
        yield make_token(tmp_path_factory.mktemp("softhsm"), "house meters", patch).label


@pytest.fixture
def token(token_label: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[TokenKey]:
    """A place for a key of this test's own."""
    create_private_file(tmp_path / "token.pin", f"{PIN}\n".encode())
    yield TokenKey(MODULE, token_label, request.node.name, tmp_path / "token.pin")
    while token_session._sessions:
        token_session._sessions.popitem()[1].close()


@needs_softhsm
def test_a_key_in_a_token_signs(token: TokenKey) -> None:
    created = create_signing_key(token, Algorithm.P256)
    loaded = load_signer(token)
    assert loaded.public_key == created.public_key
    held = token_module._find(token, pkcs11.ObjectClass.PRIVATE_KEY)
    assert not held[pkcs11.Attribute.EXTRACTABLE], "it never leaves the token"
    for number in range(20):  # half of all signatures are high-S until they are turned
        message = b"%d" % number
        check_low_s(loaded.sign(message))
        signed = cose.decode(cose.sign(message, loaded))
        cose.verify(signed, Algorithm.P256, created.public_key)


@needs_softhsm
def test_a_key_is_never_made_twice(token: TokenKey) -> None:
    public_key = create_signing_key(token, Algorithm.P256).public_key
    with pytest.raises(KeyFileError, match="exists"):
        create_signing_key(token, Algorithm.P256)
    assert load_signer(token).public_key == public_key


@needs_softhsm
def test_what_is_wrong_with_a_token_is_said(token: TokenKey, tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="gtx-edge keys create --pkcs11"):
        load_signer(token)
    for wrong, message in (
        (TokenKey(MODULE, "none", "meter", token.pin), "no such token"),
        (TokenKey(tmp_path / "no.so", token.token, "meter", token.pin), "check module-path"),
    ):
        with pytest.raises(TokenMissing, match=message):
            load_signer(wrong)
    with pytest.raises(ConfigError, match="p256"):
        create_signing_key(token, Algorithm.ED25519)


@needs_softhsm
def test_a_token_without_room_is_named(token: TokenKey, monkeypatch: pytest.MonkeyPatch) -> None:
    """SoftHSM has no word for it; a chip has."""

    def no_room(_: TokenKey) -> None:
        raise pkcs11.DeviceMemory

    monkeypatch.setattr(token_keys, "_generate", no_room)
    with pytest.raises(TokenFull, match="no room"):
        create_signing_key(token, Algorithm.P256)


@needs_softhsm
def test_a_key_is_deleted_with_both_halves(token: TokenKey) -> None:
    create_signing_key(token, Algorithm.P256)
    assert token.object in taken_names(token)
    destroy_signing_key(token)
    assert token.object not in taken_names(token)
    destroy_signing_key(token)
    create_signing_key(token, Algorithm.P256)


@needs_softhsm
def test_a_wrong_or_open_pin_is_refused_and_not_repeated(token: TokenKey) -> None:
    token.pin.chmod(0o640)
    with pytest.raises(KeyFileError, match="chmod 600"):
        load_signer(token)
    missing = replace(token, pin=token.pin.with_name("none"))
    with pytest.raises(KeyFileError, match="write the PIN there"):
        load_signer(missing)
    token.pin.chmod(0o600)
    token.pin.write_text("999999")
    with pytest.raises(PinRefused, match="check the PIN in") as caught:
        load_signer(token)
    assert "999999" not in str(caught.value)


@needs_softhsm
def test_a_token_that_was_away_signs_again(token: TokenKey) -> None:
    signer = create_signing_key(token, Algorithm.P256)
    token_session._sessions[token.module, token.token].close()
    message = cose.sign(b"message", signer)
    cose.verify(cose.decode(message), Algorithm.P256, signer.public_key)


@needs_softhsm
def test_a_key_that_went_away_is_named(token: TokenKey) -> None:
    signer = create_signing_key(token, Algorithm.P256)
    with token_session.slot_token(token).open(rw=True) as session:
        session.get_key(object_class=pkcs11.ObjectClass.PRIVATE_KEY, label=token.object).destroy()
    with pytest.raises(KeyUnavailable, match="does not sign"):
        signer.sign(b"message")


@needs_softhsm
def test_keys_create_and_show(
    token: TokenKey, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    uri = f"{token}?module-path={token.module}"
    arguments = ("--pkcs11", uri, "--pin", str(token.pin))
    assert main(["keys", "create", "--algorithm", "p256", *arguments]) == 0
    created = capfd.readouterr().out
    assert main(["keys", "show", *arguments]) == 0
    assert capfd.readouterr().out == created
    assert main(["keys", "create", "--pkcs11", uri]) == 1
    assert capfd.readouterr().err == "gtx-edge: say --pin with the file that holds the PIN\n"
    assert PIN not in created


@needs_softhsm
async def test_the_agent_signs_with_a_token(
    token: TokenKey, make_site: MakeSite, hub: FakeHub, meter: FakeMeter
) -> None:
    site = await make_site(baseline=False)
    hub.public_key = create_signing_key(token, Algorithm.P256).public_key
    text = site.config.read_text()
    assert 'key = "meter.key"' in text
    key = f'key = "{token}?module-path={token.module}"\npin = "{token.pin}"'
    site.config.write_text(text.replace('key = "meter.key"', key))
    code, _, errors = await site.command("baseline")
    assert code == 0, errors
    assert checkpoint_path(token).exists()
    code, output, errors = await site.command("spool", "verify")
    assert code == 0, errors + output


async def test_readings_wait_for_a_token_that_is_away(
    profile: Profile,
    meter_config: MeterConfig,
    signer: SoftwareSigner,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def away(_: bytes) -> bytes:
        raise KeyUnavailable("away")

    async with bench_on("tcp", profile, meter_config, signer) as bench:
        await bench.begin()
        with monkeypatch.context() as patch:
            patch.setattr(signer, "sign", away)
            assert await bench.read() == {"key_unavailable": 1}
            assert bench.loop.recorded == 0
        await bench.read()
        assert bench.loop.recorded == 1


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("pkcs11:", "pkcs11:token=NAME"),
        ("pkcs11:token=a;object=b", "module-path"),
        ("pkcs11:token=a;token=b;object=b?module-path=/m.so", "write a key"),
        ("pkcs11:token=a?module-path=/m.so", "object"),
        ("pkcs11:token=;object=b?module-path=/m.so", "token"),
        ("pkcs11:token=a;object=b;id=%01?module-path=/m.so", "write a key"),
        ("pkcs11:token=a;object=b?module-path=/m.so&pin-value=1234", "never written in a URI"),
    ],
)
def test_uris_that_name_no_key(uri: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        parse_token_key(uri, Path("pin"))
    assert "1234" not in str(caught.value)


def test_a_uri_names_a_key() -> None:
    uri = "pkcs11:token=my%20token;object=a%3Bb?module-path=/usr/lib/m%2B+.so"
    key = parse_token_key(uri, Path("/keys/pin"))
    assert parse_token_key(key.uri, key.pin) == key
    place = "pkcs11:token=my%20token?module-path=/usr/lib/m%2B+.so"
    assert key_in_token(place, "a;b", key.pin) == key
    with pytest.raises(ConfigError, match="write a token as"):
        key_in_token(uri, "b", key.pin)
    assert key == TokenKey(Path("/usr/lib/m++.so"), "my token", "a;b", Path("/keys/pin"))
    assert str(key) == "pkcs11:token=my%20token;object=a%3Bb"
    assert checkpoint_path(key) == Path("/keys/my%20token.a%3Bb.checkpoint")
