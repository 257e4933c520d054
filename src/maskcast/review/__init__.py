"""What people decide of targets: a log of decisions, how results show them, what comes next."""
