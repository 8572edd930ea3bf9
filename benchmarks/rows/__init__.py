"""The rows of the tables, a module per kind of measurement."""
