"""What reads the results of a run: status, evaluation, and the files wherever they lie."""
