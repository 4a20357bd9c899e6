"""Our messages verify with cwt, and cwt's messages are accepted here.

cwt needs an older cbor2 than ours, so it runs in an environment of its own, made by uv.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from gridtokenx_protocol import cose
from workbench.isolated import isolated

HERE = Path(__file__).resolve().parent
VECTORS = HERE.parents[2] / "protocol" / "vectors"


@pytest.fixture(scope="module")
def checked() -> dict[str, Any]:
    run = subprocess.run(
        [*isolated(HERE), "python", HERE / "check.py", VECTORS],
        capture_output=True, text=True, check=False, cwd=HERE,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    result: dict[str, Any] = json.loads(run.stdout)
    return result


def test_cwt_verifies_every_good_message(checked: dict[str, Any]) -> None:
    cases = json.loads((VECTORS / "messages.json").read_text(encoding="utf-8"))
    assert checked["verified"] == sum("expected" in case for case in cases) > 0


@pytest.mark.parametrize("cose_algorithm", sorted(cose.ALGORITHM_OF_COSE))
def test_a_message_by_cwt_is_accepted(checked: dict[str, Any], cose_algorithm: int) -> None:
    made = next(made for made in checked["made"] if made["cose_algorithm"] == cose_algorithm)
    signed = cose.decode(bytes.fromhex(made["message"]))
    cose.verify(signed, cose.ALGORITHM_OF_COSE[cose_algorithm], bytes.fromhex(made["public_key"]))
    assert signed.payload.hex() == made["payload"]
