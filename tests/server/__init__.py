"""The web server, with an application of its own instead of the portal."""
