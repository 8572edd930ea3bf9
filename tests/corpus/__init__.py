"""The fidelity corpus: what Python types are in TypeScript, in JSON and in msgpack, each declared once, and what proves it."""
