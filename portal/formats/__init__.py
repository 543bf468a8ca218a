"""How dates and times are written, by language. Django looks for `<language>.formats`."""
