"""Partners: list, one of them, create, edit, switch on and off."""
