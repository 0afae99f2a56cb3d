"""The engine: plays a vendor's model on the records of a world. It imports no web framework."""
