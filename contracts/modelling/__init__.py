"""Random sequences of operations, and what is held against a target that answers them otherwise than its model."""
