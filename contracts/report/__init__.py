"""A result told: on the terminal, and as files. Says nothing that the result does not hold, and nothing unmasked."""
