"""The tests. A package, so that what they share is imported once, under one name."""
