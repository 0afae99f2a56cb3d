"""The questions that a run asks, a module for each kind. Suites send through the guard, and tell the docket."""
