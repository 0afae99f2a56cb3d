"""What a vendor's tables cannot say: one module per vendor that needs it, with functions that the engine finds by name.

`derive_<resource>(record, world)` gives the fields of an answer that are counted, not kept;
`change_<resource>(before, after)` gives the record that an update leaves behind.
"""
