"""Judge whether a target keeps a vendor's contract. May import `mockserver`; is never imported by it."""
