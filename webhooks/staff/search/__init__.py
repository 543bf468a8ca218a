"""The one search of the console."""
