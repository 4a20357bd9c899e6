"""What several commands share."""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from gridtokenx_edge.clock import StatusProbe, system_clock_status, trusted_clock
from gridtokenx_edge.config import AgentConfig, MeterConfig, load_config
from gridtokenx_edge.errors import ConfigError
from gridtokenx_protocol.keys import Signer, key_id

# argparse has no public name for what add_subparsers returns
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - see above


def add_config(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Add ``--config``."""
    parser.add_argument("--config", type=Path, required=required, help="settings, a TOML file")


def add_meter(parser: argparse.ArgumentParser) -> None:
    """Add ``--meter``."""
    parser.add_argument("--meter", metavar="ID", help="meter id; needed when there are several")


def chosen_meter(arguments: argparse.Namespace) -> tuple[AgentConfig, MeterConfig]:
    """The settings, and the meter that the arguments name.

    Raises:
        ConfigError: The settings are wrong, or it is not clear which meter is meant.
    """
    config = load_config(arguments.config)
    if arguments.meter is None and len(config.meters) == 1:
        return config, config.meters[0]
    known = {meter.id.hex(): meter for meter in config.meters}
    if arguments.meter not in known:
        raise ConfigError(f"{config.file}: say --meter with one of {', '.join(known)}")
    return config, known[arguments.meter]


def clock_probe(config: AgentConfig) -> StatusProbe:
    """Who says how far the clock may be trusted."""
    return trusted_clock if config.clock_trusted else system_clock_status


def describe_key(signer: Signer) -> dict[str, str]:
    """The public side of a key."""
    return {
        "public_key": signer.public_key.hex(),
        "algorithm": signer.algorithm.name.lower(),
        "key_id": key_id(signer.public_key).hex(),
    }


def print_json(value: Any) -> None:
    """Print a result as indented JSON."""
    print_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def print_table(values: Mapping[str, object]) -> None:
    """Print names and values, one a line; what is None is not there."""
    width = max(map(len, values))
    print_text("".join(f"{n:<{width}}  {'-' if v is None else v}\n" for n, v in values.items()))


def print_text(text: str) -> None:
    """Print a result as it is."""
    sys.stdout.write(text)
    sys.stdout.flush()
