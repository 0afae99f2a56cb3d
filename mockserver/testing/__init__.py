"""What stands behind the fixture `proofboard_tenant`: mock worlds for tests of clients, one for each test.

Imported when a test first asks for it, never by the plugin itself. Vendors are played as everywhere; no rule of theirs
may stand here.
"""

from mockserver.testing.journal import Delivery, Entry, Journal
from mockserver.testing.lookup import NotArranged, Unknown
from mockserver.testing.tenant import CallerOf, MockTenant, WorldClock
from mockserver.testing.worlds import MockWorlds

__all__ = [
    "CallerOf",
    "Delivery",
    "Entry",
    "Journal",
    "MockTenant",
    "MockWorlds",
    "NotArranged",
    "Unknown",
    "WorldClock",
]
