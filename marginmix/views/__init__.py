"""The views of a step: one place draws every random choice, another applies it."""
