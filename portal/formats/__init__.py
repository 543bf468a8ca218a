"""Formats of dates and times, by language. Django looks for `<language>.formats`."""
