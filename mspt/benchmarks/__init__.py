"""Time and memory: measured, modelled, fitted."""
