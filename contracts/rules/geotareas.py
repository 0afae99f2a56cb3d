"""GeoTareas: the functions that judge single rules of its ledger, by what they are about."""

from contracts.rules import geotareas_cards, geotareas_comments, geotareas_login, geotareas_tasks

__all__ = ["geotareas_cards", "geotareas_comments", "geotareas_login", "geotareas_tasks"]
