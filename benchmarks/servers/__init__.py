"""What is measured: `python -m benchmarks.servers <name>`, one process each."""
