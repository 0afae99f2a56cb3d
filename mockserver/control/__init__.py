"""The control plane under /_mock: what tests, and whoever judges the mock from outside, may do to a world."""
