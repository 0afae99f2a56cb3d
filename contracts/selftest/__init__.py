"""Proves the judge: defects that it must find, and faithful tenants that it must let pass."""
