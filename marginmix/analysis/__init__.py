"""Observations of runs (guessed labels, separability, class shares, pictures), the toy, and prediction of new
images."""
