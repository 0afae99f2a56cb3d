"""Plays a vendor folder as a stand-in tenant. Knows no vendor by name, and never imports `contracts`."""

__version__ = "0.1.0"
