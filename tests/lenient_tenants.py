"""Faithful tenants, by vendor and name: each differs from the mock only where the documents leave room.

What a proxy bends stands in `LENIENT`, what a switch of the mock turns in `SWITCHED`. `TOGETHER` are those that one
tenant may be all at once, so that a single run meets them.
"""

from collections.abc import Iterable
from functools import reduce

from contracts.wire import Outgoing, Reply
from tests.bend_words import both
from tests.bends import Bend, Forward, Memory
from tests.lenient_geotareas import GEOTAREAS
from tests.lenient_geotareas import SWITCHED as GEOTAREAS_SWITCHED
from tests.lenient_kanbert import KANBERT
from tests.lenient_kanbert import SWITCHED as KANBERT_SWITCHED
from tests.lenient_kanman import KANMAN
from tests.lenient_kantata import KANTATA
from tests.lenient_kantata import SWITCHED as KANTATA_SWITCHED

LENIENT: dict[str, dict[str, Bend]] = {
    "geotareas": GEOTAREAS,
    "kanbert": KANBERT,
    "kanman": KANMAN,
    "kantata": KANTATA,
}
SWITCHED: dict[str, dict[str, str]] = {
    "geotareas": GEOTAREAS_SWITCHED,
    "kanbert": KANBERT_SWITCHED,
    "kantata": KANTATA_SWITCHED,
}
TOGETHER: dict[str, list[str]] = {
    vendor: told.split()
    for vendor, told in {
        "geotareas": """
            times-with-offset errors-without-data errors-with-meta method-404 path-405 path-ids-404 blank-text-taken
            type-415 other-tenant-403 used-by-others one-hidden cards-in-another-order cards-with-more-keys
            mentions-never-resolved messages-in-spanish behind-a-gateway
        """,
        "kanbert": """
            posts-answer-200 delete-answers-204 library-names-of-urls pages-refused no-project-in-lists stamps-not-kept
            due-date-as-date-time more-keys both-places-taken finder-400 shortcode-404 links-told words-of-errors
            clients-unknown unknown-people-ignored public-null-refused empty-change-refused writers-read gone
            missing-file-400 descriptions-are-html comments-answer-an-id poor-phases no-parent-is-empty behind-a-gateway
        """,
        "kanman": """
            create-answers-200 deleted-twice changes-answer-as-the-sample empty-change-refused unknown-fields-refused
            status-read-as-number descriptions-are-rich-text null-description-refused blank-label-taken labels-trimmed
            positions-of-another-kind malformed-ids-404 writers-read token-missing-has-a-code other-types-415
            refusals-without-details methods-404 used-by-others progress-rounded boards-by-age more-keys
            behind-a-gateway
        """,
        "kantata": """
            sets-always-there pages-422 fixed-fields-refused three-keys foreign-forbidden display-forms-taken
            patch-as-put options-answered times-elsewhere token-before-syntax by-name duplicates-400
            unreadable-422 more-keys words-of-errors behind-a-gateway
        """,
    }.items()
}


def together(bends: Iterable[Bend]) -> Bend:
    """One tenant that is all of it at once; each bend remembers for itself."""
    return reduce(both, [_by_itself(bend) for bend in bends])


def _by_itself(bend: Bend) -> Bend:
    own = Memory()

    def bent(memory: Memory, request: Outgoing, forward: Forward) -> Reply:
        return bend(own, request, forward)

    return bent
