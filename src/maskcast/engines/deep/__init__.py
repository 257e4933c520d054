"""The engine ``deep``: the learner of ``pixel`` with a pretrained encoder's features added."""
