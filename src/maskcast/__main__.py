"""``python -m maskcast`` is the command line."""

from maskcast.cli import main

main()
