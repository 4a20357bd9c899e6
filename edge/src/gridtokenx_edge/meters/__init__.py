"""Meters as data: which registers a model has, how they are read and what they mean."""

from gridtokenx_edge.meters.decode import MeterReading, decode, decode_quantity
from gridtokenx_edge.meters.identity import decode_identity, identity_block
from gridtokenx_edge.meters.load import load_profile, shipped_profiles
from gridtokenx_edge.meters.plan import Block, cut_registers, plan_blocks
from gridtokenx_edge.meters.profile import Profile, Quantity, Register
from gridtokenx_edge.meters.sunspec import locate
from gridtokenx_protocol.registers import NotAvailable, RegisterType

__all__ = [
    "Block",
    "MeterReading",
    "NotAvailable",
    "Profile",
    "Quantity",
    "Register",
    "RegisterType",
    "cut_registers",
    "decode",
    "decode_identity",
    "decode_quantity",
    "identity_block",
    "load_profile",
    "locate",
    "plan_blocks",
    "shipped_profiles",
]
