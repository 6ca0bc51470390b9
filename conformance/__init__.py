"""The conformance suite: what must hold, and the machine that asks."""
