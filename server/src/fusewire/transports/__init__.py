"""How calls arrive. Siblings that never import each other; each only frames what the pipeline says."""
