"""The running agent: for each meter a reading loop, a recorder and an uplink."""

from gridtokenx_edge.agent.run import run_agent

__all__ = ["run_agent"]
