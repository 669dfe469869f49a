"""What is looked at: guessed labels, separability, class shares, pictures, the toy; and prediction of new images."""
