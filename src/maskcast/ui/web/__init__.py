"""The web labeler: annotate, run, review and download in a browser (extra ``web``)."""
