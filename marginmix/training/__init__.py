"""How a run is made: the loop, its state, evaluation, devices, and the files it reads and leaves."""
