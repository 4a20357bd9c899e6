# /// script
# requires-python = ">=3.11"
# dependencies = ["pvlib==0.15.*", "demandlib==0.2.2", "pandas<3", "holidays"]
# ///
"""Make the quarter-hours of the scenario bangkok; run as ``uv run make_bangkok.py``.

House a: 5 kWp of photovoltaics under a clear sky at Bangkok and a household's load. House b:
a household's load alone. The two registers of a meter at the connection point count the flow
out of and into the house, so each quarter-hour moves one of them.
"""

import csv
from pathlib import Path

import pandas as pd
from demandlib import bdew
from pvlib.irradiance import get_total_irradiance
from pvlib.location import Location
from pvlib.pvsystem import pvwatts_dc
from pvlib.temperature import TEMPERATURE_MODEL_PARAMETERS, sapm_cell

FOLDER = Path(__file__).parents[1] / "src/gridtokenx_firmware_sim/scenarios/bangkok"
BANGKOK = Location(13.75, 100.5, tz="Asia/Bangkok", altitude=5, name="Bangkok")
DAY = "2026-01-15"
PEAK_W = 5_000
TILT_DEGREES, AZIMUTH_DEGREES = 15, 180
AIR_CELSIUS, WIND_M_PER_S = 30, 1
SYSTEM_EFFICIENCY = 0.86  # inverter, cables and soiling (PVWatts' usual 14 % of losses)
ANNUAL_LOAD_KWH = {"a": 3_600, "b": 4_000}


def photovoltaic_w() -> list[float]:
    """Mean output of each quarter-hour, from its minutes."""
    minutes = pd.date_range(DAY, periods=24 * 60, freq="min", tz=BANGKOK.tz)
    sun = BANGKOK.get_solarposition(minutes)
    sky = BANGKOK.get_clearsky(minutes)
    plane = get_total_irradiance(
        TILT_DEGREES, AZIMUTH_DEGREES, sun["apparent_zenith"], sun["azimuth"],
        sky["dni"], sky["ghi"], sky["dhi"],
    )["poa_global"].fillna(0)  # fmt: skip
    mounting = TEMPERATURE_MODEL_PARAMETERS["sapm"]["close_mount_glass_glass"]
    cell = sapm_cell(plane, AIR_CELSIUS, WIND_M_PER_S, **mounting)
    output = pvwatts_dc(plane, cell, PEAK_W, gamma_pdc=-0.004) * SYSTEM_EFFICIENCY
    return list(output.resample("15min").mean())


def load_w(annual_kwh: int) -> list[float]:
    """Mean load of each quarter-hour, by the standard load profile of households."""
    year = bdew.ElecSlp(int(DAY[:4])).get_scaled_power_profiles({"h0": annual_kwh})
    return list(year.loc[DAY]["h0"] * 1_000)


def write(house: str, generated_w: list[float]) -> None:
    """Split the net flow over the two registers and write a house's day."""
    load = load_w(ANNUAL_LOAD_KWH[house])
    with (FOLDER / f"{house}.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["time", "produced_w", "consumed_w"])
        for quarter, (output, used) in enumerate(zip(generated_w, load, strict=True)):
            net = round(output - used)
            time = f"{quarter // 4:02d}:{quarter % 4 * 15:02d}"
            writer.writerow([time, max(0, net), max(0, -net)])


if __name__ == "__main__":
    write("a", photovoltaic_w())
    write("b", [0.0] * 96)
