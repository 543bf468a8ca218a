"""The views of the API, by path."""
