"""What people see and touch: drawing, the labelers and their session."""
