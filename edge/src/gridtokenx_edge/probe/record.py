"""What a meter showed, as a golden case (``tests/edge/meters/cases``)."""

from typing import Final

from gridtokenx_edge.meters import Quantity
from gridtokenx_edge.probe.fit import Fit

_WORDS_IN_A_LINE: Final = 16


def golden_case(fit: Fit, where: str) -> str:
    """The text of the TOML file: every register that was read, and what has to come out.

    Args:
        fit: The profile, and what it read.
        where: Where the meter was, in words.
    """
    parts = [f'origin = "capture"\nfrom = "gtx-edge probe: {where}"']
    if fit.serial is not None:
        parts[0] += f"\nserial = {_quoted(fit.serial)}"
    for function, address, words in _runs(fit.words):
        parts.append(f"[[dump]]\nfunction = {function}\naddress = 0x{address:04X}\n{_dump(words)}")
    reading = {
        Quantity.PRODUCED: fit.reading.produced_mwh,
        Quantity.CONSUMED: fit.reading.consumed_mwh,
        Quantity.ACTIVE_POWER: fit.reading.active_power_mw,
        Quantity.VOLTAGE: fit.reading.voltage_mv,
        Quantity.CURRENT: fit.reading.current_ma,
        Quantity.FREQUENCY: fit.reading.frequency_mhz,
    }
    parts.append("[reading]\n" + "\n".join(f"{name} = {value}" for name, value in reading.items()))
    return "\n\n".join(parts) + "\n"


def _runs(words: dict[tuple[int, int], bytes]) -> list[tuple[int, int, list[bytes]]]:
    """Neighbouring registers together: function, first address, words."""
    runs: list[tuple[int, int, list[bytes]]] = []
    for (function, address), word in sorted(words.items()):
        if runs and runs[-1][0] == function and runs[-1][1] + len(runs[-1][2]) == address:
            runs[-1][2].append(word)
        else:
            runs.append((function, address, [word]))
    return runs


def _dump(words: list[bytes]) -> str:
    lines = [
        " ".join(word.hex() for word in words[start : start + _WORDS_IN_A_LINE])
        for start in range(0, len(words), _WORDS_IN_A_LINE)
    ]
    if len(lines) == 1:
        return f'words = "{lines[0]}"'
    return 'words = """\n' + "\n".join(lines) + '\n"""'


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
