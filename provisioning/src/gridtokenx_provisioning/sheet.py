"""The sheet that stays with the owner: one printable page, whole in itself."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from html import escape
from string import Template
from types import MappingProxyType
from typing import Any, Final

import segno

from gridtokenx_protocol.units import format_kwh

_PAGE: Final = Template("""<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>$title $meter_id</title>
<style>
@page { size: A4; margin: 18mm }
body { font: 11pt/1.45 system-ui, sans-serif; color: #111; max-width: 174mm; margin: auto }
header { border-bottom: 2pt solid #111; margin-bottom: 8mm }
h1 { font-size: 21pt; font-weight: 600; margin: 0 }
header p { margin: 0 0 3mm; color: #555 }
h2 { font-size: 10pt; font-weight: 600; color: #555; margin: 7mm 0 1mm }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: 1.4mm 0; border-bottom: .4pt solid #ccc }
th { font-weight: 400; color: #555; width: 44mm; padding-right: 4mm }
code { font: 10pt/1.5 ui-monospace, monospace; overflow-wrap: anywhere }
.key { display: flex; gap: 8mm; align-items: center }
.key svg { flex: none; width: 38mm; height: 38mm }
.number { font-variant-numeric: tabular-nums }
.sign { display: flex; gap: 14mm; margin-top: 22mm }
.sign p { flex: 1; border-top: .6pt solid #111; padding-top: 1mm; color: #555; font-size: 9pt }
</style>
<header>
<h1>$title</h1>
<p>GridTokenX · $date</p>
</header>
<h2>Meter</h2>
<table>
<tr><th>Serial number<td>$serial
<tr><th>Meter id<td><code>$meter_id</code>
</table>
<h2>Owner</h2>
<table>
<tr><th>Name<td>$owner_name
<tr><th>Wallet<td><code>$owner_wallet</code>
$previous_owner</table>
<h2>Registers at handover</h2>
<table class="number">
<tr><th>Produced<td>$produced kWh
<tr><th>Consumed<td>$consumed kWh
<tr><th>Read at<td>$read_at
</table>
$before<h2>On chain</h2>
<table>
<tr><th>Transaction<td><code>$tx_signature</code>
<tr><th>Meter registered at<td>$registered_at
</table>
<h2>Device key, SHA-256 of its public part</h2>
<div class="key">$qr<code>$fingerprint</code></div>
<div class="sign"><p>Installer, date<p>Owner, date</div>
</html>
""")
_BEFORE: Final = Template("""<h2>Meter before</h2>
<table class="number">
<tr><th>Serial number<td>$serial
<tr><th>Produced<td>$produced kWh
<tr><th>Consumed<td>$consumed kWh
<tr><th>Read at<td>$read_at
</table>
""")
_PREVIOUS_OWNER: Final = Template("<tr><th>Owner before<td>$previous_owner\n")
_TITLES: Final = {
    "commissioning": "Commissioning sheet",
    "rotate-key": "New device key",
    "replace-meter": "Meter exchanged",
    "transfer": "New owner",
    "decommission": "Decommissioning sheet",
}
_GROUP: Final = 4


def make_sheet(kind: str, facts: Mapping[str, Any]) -> str:
    """A sheet as HTML, without scripts and without anything from elsewhere.

    Args:
        kind: Of which work: a key of ``_TITLES``.
        facts: What the installation or the change returns; energy in mWh.
    """
    fingerprint = hashlib.sha256(bytes.fromhex(facts["public_key"])).hexdigest()
    groups = (fingerprint[at : at + _GROUP] for at in range(0, len(fingerprint), _GROUP))
    texts = {
        **_meter(facts),
        "title": _TITLES[kind],
        "meter_id": facts["meter_id"],
        "owner_name": facts["owner_name"],
        "owner_wallet": facts["owner_wallet"],
        "tx_signature": facts["tx_signature"],
        "registered_at": facts["registered_at"],
        "date": _utc(facts["time_ms"]).partition("T")[0],
        "fingerprint": " ".join(groups),
    }
    # upper case fits a QR code's alphanumeric mode: a smaller symbol
    qr = segno.make(fingerprint.upper(), error="m", micro=False)
    drawings = {
        "qr": qr.svg_inline(border=2, omitsize=True, title="Key fingerprint"),
        "before": _filled(_BEFORE, _meter(facts["before"])) if "before" in facts else "",
        "previous_owner": (
            _filled(_PREVIOUS_OWNER, {"previous_owner": facts["previous_owner"]})
            if "previous_owner" in facts
            else ""
        ),
    }
    return _filled(_PAGE, texts, drawings)


def _filled(
    template: Template, texts: Mapping[str, str], drawings: Mapping[str, str] = MappingProxyType({})
) -> str:
    return template.substitute({name: escape(text) for name, text in texts.items()}, **drawings)


def _meter(facts: Mapping[str, Any]) -> dict[str, str]:
    return {
        "serial": facts["serial"] or "not recorded",
        "produced": f"{format_kwh(facts['produced_mwh']):.6f}",
        "consumed": f"{format_kwh(facts['consumed_mwh']):.6f}",
        "read_at": _utc(facts["time_ms"]),
    }


def _utc(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
