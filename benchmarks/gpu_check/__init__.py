"""What this machine's GPUs can do, and whether they do it right: `make gpu-check`, or `python -m marginmix.gpu_check`.

It needs torch, numpy, pandas and scikit-learn alone, and nothing of tests/ but numerics.json, where that is.
"""
