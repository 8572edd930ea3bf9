"""Talking to Claude. Knows nothing of the database, of accounts or of transports: prompts in, text out."""
