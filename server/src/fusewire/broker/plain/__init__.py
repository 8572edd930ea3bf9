"""Events without history, until the hub asks for it."""
