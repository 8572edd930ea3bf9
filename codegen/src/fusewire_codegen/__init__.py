"""The `fusewire` command: a Python contract in, one readable TypeScript file out."""
