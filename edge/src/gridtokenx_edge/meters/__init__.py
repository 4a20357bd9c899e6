"""Meters as data: which registers a model has, how they are read and what they mean."""

from gridtokenx_edge.meters.decode import MeterReading, decode
from gridtokenx_edge.meters.load import load_profile, shipped_profiles
from gridtokenx_edge.meters.plan import Block, plan_blocks
from gridtokenx_edge.meters.profile import Profile, Quantity, Register, RegisterType

__all__ = [
    "Block",
    "MeterReading",
    "Profile",
    "Quantity",
    "Register",
    "RegisterType",
    "decode",
    "load_profile",
    "plan_blocks",
    "shipped_profiles",
]
