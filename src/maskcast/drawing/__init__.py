"""What a person sees of masks: colours, overlays, tags and the fonts they are written in."""
