"""What a training step costs, measured: `make bench`, or `python -m benchmarks NAME` for one of them."""
