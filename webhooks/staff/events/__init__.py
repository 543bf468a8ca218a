"""Events and event types: what was published, and publishing by hand."""
