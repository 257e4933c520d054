"""One pass over the targets: pipeline, output folders, ledger."""
