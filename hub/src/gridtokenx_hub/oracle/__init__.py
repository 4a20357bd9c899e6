"""The rate of GRX in baht: asked of several sources, judged, and posted on chain."""
