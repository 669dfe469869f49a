"""What a method is, the step that all share, and Margin-Mix with its parts."""
