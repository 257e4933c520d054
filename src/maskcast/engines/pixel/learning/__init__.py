"""From references to a model of what each pixel is: features, two networks, calibration."""
