"""Model archives: what they are called, what they hold, and their way to a folder and back."""
