"""How fast the suite is and what it costs: the sections of ``chatproof bench``, one a file, each gives plain values."""
