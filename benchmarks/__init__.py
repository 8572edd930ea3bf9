"""What Fusewire costs, beside its peers, in one run on one machine. See docs/benchmarks.md."""
