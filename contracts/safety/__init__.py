"""The one door to a target, and what keeps the records, the budget and the secrets of a tenant safe behind it."""
