"""SoftHSM stands for a chip: tokens in a folder, for this process and for those that it starts."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.adversity.traced import strace
from tests.edge.site import HERE

MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")
PIN = "876543"
needs_softhsm = pytest.mark.skipif(
    shutil.which("softhsm2-util") is None or not MODULE.exists(),
    reason="apt-get install softhsm2",
)


@dataclass(frozen=True)
class SoftHsm:
    """A token, whose files are in a folder."""

    folder: Path
    label: str

    @property
    def settings(self) -> Path:
        """What SOFTHSM2_CONF has to name."""
        return self.folder / "softhsm2.conf"

    @property
    def uri(self) -> str:
        """The token, without a key."""
        return f"pkcs11:token={self.label.replace(' ', '%20')}?module-path={MODULE}"

    @property
    def tokens(self) -> Path:
        """Where the objects are, each a file."""
        return self.folder / "tokens"

    def labels(self) -> set[str]:
        """The labels of all keys in it, as another program sees them; each has both halves."""
        words = "import sys,pkcs11 as p;t=p.lib(sys.argv[1]).get_token(token_label=sys.argv[2])"
        look = (
            f"{words}\nwith t.open(user_pin=sys.argv[3]) as s:"
            "\n for o in s.get_objects():"
            "\n  print(o.object_class.name, o[p.Attribute.LABEL], sep='|')"
        )
        done = subprocess.run(
            [sys.executable, "-c", look, str(MODULE), self.label, PIN],
            check=True,
            capture_output=True,
            text=True,
        )
        kinds: dict[str, list[str]] = {}
        for line in done.stdout.splitlines():
            kind, _, name = line.partition("|")
            if name:  # what a break leaves of a key may have none
                kinds.setdefault(name, []).append(kind)
        assert all(sorted(found) == ["PRIVATE_KEY", "PUBLIC_KEY"] for found in kinds.values())
        return set(kinds)

    def key(self, name: str) -> str:
        """URI of a key in it."""
        return self.uri.replace("?", f";object={name}?")

    def dies_at(self, trace: Path, count: int) -> tuple[str, ...]:
        """The words that start a program which is killed when it writes so often to the token."""
        return strace(
            trace, "-e", "trace=ftruncate", "-e", f"inject=ftruncate:signal=KILL:when={count}"
        )

    def allow(self, *mechanisms: str) -> None:
        """From the next process on, the token can do no more than this; without words, all."""
        self.settings.write_text(
            f"directories.tokendir = {self.tokens}\n"
            f"slots.mechanisms = {','.join(mechanisms) or 'ALL'}\n"
        )


def writes_per_key(token: SoftHsm, folder: Path) -> int:
    """How often SoftHSM writes to its files when it draws a key; it leaves one named "counted"."""
    pin = folder / "counted.pin"
    pin.touch(mode=0o600)
    pin.write_text(PIN)
    trace = folder / "counted"
    words = ("keys", "create", "--algorithm", "p256", "--pkcs11", token.key("counted"), "--pin")
    subprocess.run(
        [*strace(trace, "-e", "trace=ftruncate"), *HERE, *words, str(pin)],
        check=True,
        capture_output=True,
    )
    return trace.read_text().count("ftruncate(")


def make_token(folder: Path, label: str, monkeypatch: pytest.MonkeyPatch) -> SoftHsm:
    """Initialise one, and let this process and its children find it."""
    made = SoftHsm(folder, label)
    made.tokens.mkdir(parents=True)
    made.allow()
    monkeypatch.setenv("SOFTHSM2_CONF", str(made.settings))
    pins = ("--pin", PIN, "--so-pin", "12345678")
    subprocess.run(
        ["softhsm2-util", "--init-token", "--free", "--label", label, *pins],
        check=True,
        capture_output=True,
    )
    return made
