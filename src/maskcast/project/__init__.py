"""A project folder: its settings, its annotations, its references and how labelers share them."""
