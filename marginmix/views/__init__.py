"""What a step sees of an image: every random choice is drawn in one place and applied in another."""
