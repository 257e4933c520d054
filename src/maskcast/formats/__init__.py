"""File formats of other tools: one module each, with ``read_x`` and ``write_x`` pairs."""
