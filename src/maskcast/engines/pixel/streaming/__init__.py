"""The learner's way through a picture that is larger than the memory, see docs/adr/0050."""
