import asyncio
import json
from pathlib import Path

import asyncpg
import pytest

from gridtokenx_hub import cli
from gridtokenx_hub.api.access.auth import Tokens
from gridtokenx_hub.clocks import utc_now


@pytest.fixture
def folder(database_url: str, tmp_path: Path) -> Path:
    (tmp_path / "hub.toml").write_text(f"[database]\nurl = '{database_url}'\n")
    return tmp_path


@pytest.fixture
def said(folder: Path, capsys: pytest.CaptureFixture[str]) -> "Said":
    return Said(folder, capsys)


class Said:
    """What `gtx-hub token` says, run beside the test's loop."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._folder = folder
        self._capsys = capsys

    async def run(self, *words: str) -> tuple[int, str, str]:
        code = await asyncio.to_thread(cli.main, ["--folder", str(self._folder), "token", *words])
        captured = self._capsys.readouterr()
        return code, captured.out.strip(), captured.err.strip()


async def test_made_listed_revoked(said: Said, pool: asyncpg.Pool) -> None:
    code, token, _ = await said.run(
        "create", "--role", "installer", "--label", "van 3", "--expires", "30"
    )
    assert code == 0
    holder = await Tokens(pool).authenticate(f"Bearer {token}", None, utc_now())
    assert holder.role == "installer"
    code, out, _ = await said.run("list")
    (listed,) = map(json.loads, out.splitlines())
    assert (code, listed["label"], listed["is_session"]) == (0, "van 3", False)
    assert token not in out
    assert (await said.run("revoke", str(listed["id"])))[0] == 0
    assert await said.run("list") == (0, "", "")
    code, _, error = await said.run("revoke", str(listed["id"]))
    assert (code, f"no token {listed['id']}" in error) == (1, True)


async def test_of_a_user(said: Said, pool: asyncpg.Pool) -> None:
    user_id = await pool.fetchval(
        "INSERT INTO users (wallet, name, user_type) VALUES ('w', 'W', 'consumer') RETURNING id"
    )
    for number in (user_id, user_id + 1):
        code, out, error = await said.run("create", "--role", "user", "--user", str(number))
        if number == user_id:
            holder = await Tokens(pool).authenticate(f"Bearer {out}", None, utc_now())
            assert (code, holder.user_id) == (0, user_id)
        else:
            assert (code, error) == (1, f"gtx-hub: there is no user {number}")
    await said.run("create", "--role", "operator")
    _, out, _ = await said.run("list", "--user", str(user_id))
    assert len(out.splitlines()) == 1


@pytest.mark.parametrize(
    "words", [("--role", "user"), ("--role", "operator", "--user", "1")], ids=["no user", "a user"]
)
async def test_a_user_goes_with_its_role(said: Said, words: tuple[str, ...]) -> None:
    code, _, error = await said.run("create", *words)
    assert (code, "--user N goes with --role user" in error) == (1, True)


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("create",),
        ("create", "--role", "x"),
        ("create", "--role", "operator", "--expires", "0"),
    ],
)
async def test_what_is_asked_wrongly(folder: Path, words: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--folder", str(folder), "token", *words])
    assert ended.value.code == 2
