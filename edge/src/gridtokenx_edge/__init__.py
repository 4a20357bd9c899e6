"""The agent beside the meter: reads, signs, spools and delivers."""
