"""The contract suites as tests of a pytest session. Judges nothing itself: the suites do."""
