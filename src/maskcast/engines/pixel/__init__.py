"""The weight-free engine: learns from the references on the spot, on any CPU."""
