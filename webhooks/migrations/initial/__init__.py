"""What 0001_initial runs after its tables, written by hand. Released with it, so it never
changes: what is added later is a new migration, which says all that it needs itself."""
