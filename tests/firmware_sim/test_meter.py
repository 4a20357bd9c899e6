"""The meter in time: speed, restarts, the end of the day, its memory."""

import json
from pathlib import Path
from statistics import stdev

import pytest

from gridtokenx_firmware_sim.day import DAY_MS, Flow
from gridtokenx_firmware_sim.errors import StateError
from gridtokenx_firmware_sim.meter import Measurement, Meter
from gridtokenx_firmware_sim.noise import GREATEST_PERCENT, NO_NOISE, Noise
from gridtokenx_firmware_sim.scenario import load_scenario
from gridtokenx_firmware_sim.state import StateFile

LIFETIME = Flow(4_096_000, 8_192_000)


class Clock:
    def __init__(self) -> None:
        self.now_ms = 1_000

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.json"


def make(
    clock: Clock, path: Path, *, speed: float = 1, house: str = "a", noise: Noise = NO_NOISE
) -> Meter:
    return Meter(
        day=load_scenario("seed", house), counts_per_kwh=1_000, lifetime=LIFETIME, speed=speed,
        monotonic_ms=clock, memory=StateFile(path), noise=noise,
    )  # fmt: skip


def test_registers_rest_until_the_day_begins(clock: Clock, path: Path) -> None:
    meter = make(clock, path)
    clock.now_ms += 3_600_000
    now = meter.tick()
    assert (now.exported_counts, now.imported_counts) == (4_096_000, 8_192_000)
    assert now.power_w == 0
    assert not meter.begun


@pytest.mark.parametrize("speed", [0.5, 1, 7.3, 1_440, 86_400])
@pytest.mark.parametrize("step_ms", [200, 777, 60_000])
def test_totals_are_exact_at_any_speed(
    clock: Clock, path: Path, speed: float, step_ms: int
) -> None:
    meter = make(clock, path, speed=speed)
    meter.begin()
    shown = [meter.tick()]
    while not StateFile(path).load().ended:  # type: ignore[union-attr]  # saved by the first tick
        clock.now_ms += max(step_ms, int(DAY_MS / speed / 50))
        shown.append(meter.tick())
    exported = [now.exported_counts for now in shown]
    imported = [now.imported_counts for now in shown]
    assert exported == sorted(exported)
    assert imported == sorted(imported)
    assert (exported[-1], imported[-1]) == (4_116_000, 8_200_000)


def test_after_the_day_registers_stay_and_power_is_zero(clock: Clock, path: Path) -> None:
    meter = make(clock, path)
    meter.begin()
    clock.now_ms += DAY_MS - 1
    assert meter.tick().power_w == pytest.approx(-500, abs=1)
    for _ in range(3):
        clock.now_ms += DAY_MS
        now = meter.tick()
        assert (now.exported_counts, now.imported_counts, now.power_w) == (4_116_000, 8_200_000, 0)


def test_speed_is_simulated_seconds_per_second(clock: Clock, path: Path) -> None:
    meter = make(clock, path, speed=24)
    meter.begin()
    clock.now_ms += 1_800_000
    assert meter.tick().exported_counts == 4_096_000 + 10_000


def test_a_restart_goes_on_where_the_day_was(clock: Clock, path: Path) -> None:
    meter = make(clock, path)
    meter.begin()
    clock.now_ms += DAY_MS // 4
    before = meter.tick()
    clock.now_ms = 5
    restarted = make(clock, path)
    assert restarted.begun
    assert restarted.tick() == before
    clock.now_ms += DAY_MS // 4
    restarted.begin()
    now = restarted.tick()
    assert (now.exported_counts, now.imported_counts) == (4_106_000, 8_196_000)


def test_what_was_shown_is_in_memory_already(clock: Clock, path: Path) -> None:
    """A kill at any moment: no register that someone read is ever higher than the next."""
    meter = make(clock, path, speed=1_000)
    meter.begin()
    for _ in range(20):
        clock.now_ms += 1_234
        shown = meter.tick()
        assert make(clock, path, speed=1_000).tick() == shown


def test_memory_of_another_house_is_refused(clock: Clock, path: Path) -> None:
    meter = make(clock, path)
    meter.begin()
    clock.now_ms += DAY_MS // 2
    meter.tick()
    with pytest.raises(StateError, match="another"):
        make(clock, path, house="b")


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "{}", '{"begun": true}', "\x00"]
    + [
        json.dumps(
            {"begun": True, "ended": False, "elapsed_ms": 0, "exported_counts": 4_096_000,
             "imported_counts": 8_192_000} | changed
        )
        for changed in (
            {"elapsed_ms": -1}, {"elapsed_ms": DAY_MS + 1}, {"elapsed_ms": "0"}, {"begun": 1},
            {"ended": True}, {"exported_counts": 4_096_001}, {"more": 1},
        )
    ],
)  # fmt: skip
def test_a_damaged_memory_is_refused(clock: Clock, path: Path, content: str) -> None:
    path.write_text(content)
    with pytest.raises(StateError):
        make(clock, path)


def test_a_memory_that_cannot_be_written_is_said(clock: Clock, tmp_path: Path) -> None:
    meter = make(clock, tmp_path / "missing folder" / "state.json")
    with pytest.raises(StateError, match="cannot be written"):
        meter.tick()


def test_what_a_meter_shows_is_plausible(clock: Clock, path: Path) -> None:
    meter = make(clock, path)
    meter.begin()
    for _ in range(100):
        clock.now_ms += DAY_MS // 101
        now = meter.tick()
        assert all(225 < volts < 235 for volts in now.voltage_v)
        assert 49.9 < now.frequency_hz < 50.1
        assert sum(
            amperes * volts
            for amperes, volts in zip(now.phase_current_a, now.voltage_v, strict=True)
        ) == pytest.approx(abs(now.power_w))


def shown_in_a_day(clock: Clock, path: Path, noise: Noise) -> list[Measurement]:
    """What a meter shows every few minutes, through a restart at noon."""
    meter = make(clock, path, noise=noise)
    meter.begin()
    shown = []
    for step in range(300):
        if step == 150:
            meter = make(clock, path, noise=noise)
        clock.now_ms += DAY_MS // 301
        shown.append(meter.tick())
    return shown


def test_noise_is_in_momentary_values_alone(clock: Clock, tmp_path: Path) -> None:
    quiet = shown_in_a_day(clock, tmp_path / "quiet", NO_NOISE)
    noisy = shown_in_a_day(clock, tmp_path / "noisy", Noise(5, seed=1))
    for still, now in zip(quiet, noisy, strict=True):
        assert now.exported_counts == still.exported_counts
        assert now.imported_counts == still.imported_counts
    powers = [now.power_w / -500 - 1 for now in noisy]
    assert len(set(powers)) == len(powers)
    assert stdev(powers) == pytest.approx(0.05, rel=0.15)
    assert max(map(abs, powers)) <= 0.15
    for phase in range(3):
        volts = [a.voltage_v[phase] / b.voltage_v[phase] for a, b in zip(noisy, quiet, strict=True)]
        assert stdev(volts) == pytest.approx(0.005, rel=0.15)
    hertz = [a.frequency_hz / b.frequency_hz for a, b in zip(noisy, quiet, strict=True)]
    assert stdev(hertz) == pytest.approx(0.000_05, rel=0.15)


def test_a_seed_repeats_its_noise_and_no_other(clock: Clock, tmp_path: Path) -> None:
    first, again, other = (
        shown_in_a_day(clock, tmp_path / name, Noise(5, seed))
        for name, seed in (("first", 1), ("again", 1), ("other", 2))
    )
    assert first == again
    assert all(one != another for one, another in zip(first, other, strict=True))


def test_the_greatest_noise_never_turns_power_round(clock: Clock, path: Path) -> None:
    shown = shown_in_a_day(clock, path, Noise(GREATEST_PERCENT, seed=3))
    assert all(-1_000 < now.power_w < 0 for now in shown)
