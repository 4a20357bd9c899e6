"""The command line, ``gtx-edge``: one small module for each command."""

from gridtokenx_edge.cli.main import main

__all__ = ["main"]
