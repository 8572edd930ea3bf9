"""Procedures, worked out once: signature, dependencies and types are compiled when a function is registered."""
