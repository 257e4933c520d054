"""Reading annotations of other tools: what fits is taken, what does not is counted and said.

A format's module turns its files into entries (``entries.py``), one for each picture that they
tell of; shapes are parsed when they are asked for. ``joining.py`` finds the reference of each entry
(``matching.py``), joins its shapes to one mask a class, and is the only place that goes on past
what does not fit (``left_out.py``).
"""
