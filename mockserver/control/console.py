"""The console: one page on which a person reads who they can be and what has been asked of a world lately."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flask import Flask


class Console:
    """Renders the page where the worlds are, in the event loop: it owns no rule and changes nothing."""

    @cached_property
    def _flask(self) -> "Flask":
        # Imported at the first page: most servers never show one, and all want to be ready soon.
        from flask import Flask

        return Flask("mockserver.control")

    def page(
        self,
        world: str,
        vendors: Mapping[str, Any],
        exchanges: list[dict[str, Any]],
        defects: Mapping[str, Sequence[str]],
    ) -> bytes:
        """HTML in UTF-8. `vendors` and `exchanges` are as the operations `credentials` and `journal` answer them.

        `defects` are the names of those that are planted, by vendor.
        """
        from flask import render_template

        with self._flask.app_context():
            page = render_template("console.html", world=world, vendors=vendors, exchanges=exchanges, defects=defects)
        return page.encode()
