"""What tests of instruments use: the pytest plugin so far.

pytest imports this in every project that has labtroupe installed, so it
imports nothing itself.
"""

from __future__ import annotations

__all__: list[str] = []
