"""A strict reference server, written by hand and not derived from the rules."""
