"""How far masks can be trusted: scores, probabilities, the self-test, verdicts."""
