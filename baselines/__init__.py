"""The methods that Margin-Mix builds on or that we compare it with: one small file each, on the shared step."""
