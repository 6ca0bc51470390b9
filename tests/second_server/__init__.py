"""A second conforming server, by another hand: written from the fact base alone, before its author had read a rule.

The reference server and the rules grew up together and may share a misreading; this one cannot. It exists to be found
innocent: whatever the suite says against it is a fault of one of the two, and the fact base decides of which. Standard
library only, one thread a connection. ``Manners`` holds the choices that the documents leave open; all conform.
"""

from .manners import Manners
from .wire import serving

__all__ = ["Manners", "serving"]
