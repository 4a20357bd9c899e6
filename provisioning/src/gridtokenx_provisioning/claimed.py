"""A claimed code: what it is for is done by the hub, or first signed by an owner elsewhere."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gridtokenx_provisioning.errors import FolderError, OwnerMustSign
from gridtokenx_provisioning.files import write_file
from gridtokenx_provisioning.hub import Hub

FILE: Final = "owner-transaction.txt"


@dataclass(frozen=True, slots=True)
class Claimed:
    """A claimed code, and how the hub is told to act on it.

    Attributes:
        hub: Whom to ask.
        folder: Where a transaction to sign is written.
        code: From the operator; never written anywhere.
        meter_id: Hex.
        owner_signed: File with the transaction that an owner has signed.
    """

    hub: Hub
    folder: Path
    code: str
    meter_id: str
    owner_signed: Path | None = None

    def act(self, step: str, body: dict[str, Any]) -> dict[str, Any]:
        """Have a step done; repeated, the answer is the same.

        Raises:
            OwnerMustSign: The hub does not hold an owner's wallet.
            HubRefused, HubUnreachable: It is not done.
        """
        path = f"/claims/{self.meter_id}"
        if self.owner_signed is not None:
            signed = _read(self.owner_signed)
            body = {"code": self.code, "transaction": signed}
            answer = self.hub.post(f"{path}/owner-signature", body)
        else:
            answer = self.hub.post(f"{path}/{step}", {"code": self.code, **body})
        if "transaction" in answer:
            file = self.folder / FILE
            write_file(file, answer["transaction"] + "\n")
            raise OwnerMustSign(
                f"wallet {answer['owner_wallet']} has to sign the transaction in {file} (base64);"
                " then run the same command with --owner-signed FILE"
            )
        return answer

    def close(self) -> dict[str, Any]:
        """Close the code; the answer is for the sheet."""
        return self.hub.post(f"/claims/{self.meter_id}/done", {"code": self.code})


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise FolderError(
            f"{file}: {error}; give the file with the signed transaction in base64"
        ) from error
