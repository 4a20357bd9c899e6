"""Write the vectors beside this folder, or into another: ``python generator [FOLDER]``."""

import json
import sys
from pathlib import Path

from fixtures import Case
from message_cases import message_cases
from record_cases import payload_cases, record_cases
from small_cases import ack_cases, deployment_cases, key_cases, quote_cases

_VECTORS = Path(__file__).resolve().parent.parent


def main(folder: Path) -> None:
    """Write every file of vectors."""
    files: dict[str, list[Case]] = {
        "records.json": record_cases(),
        "payloads.json": payload_cases(),
        "messages.json": message_cases(),
        "keys.json": key_cases(),
        "acks.json": ack_cases(),
        "quotes.json": quote_cases(),
        "deployments.json": deployment_cases(),
    }
    for name, cases in files.items():
        (folder / name).write_text(json.dumps(cases, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else _VECTORS)
