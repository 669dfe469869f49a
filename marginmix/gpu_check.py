"""`python -m marginmix.gpu_check` checks this machine's GPUs. The check lies in benchmarks/ of the checkout."""

import importlib.util
import runpy
import sys

if __name__ == "__main__":
    if importlib.util.find_spec("benchmarks") is None:
        sys.exit("error: the GPU check lies in the folder benchmarks of the checkout: start it from there")
    runpy.run_module("benchmarks.gpu_check", run_name="__main__")
