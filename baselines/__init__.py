"""The systems that Margin-Mix builds on or is compared with: one small file each, over marginmix's shared step."""
