"""Margin-Mix (Florea et al., ECCV 2020) and all that its baselines share.

Importing this package does not import torch: tables, figures and the planning of a workflow need none.
"""

__version__ = "0.1.0"
