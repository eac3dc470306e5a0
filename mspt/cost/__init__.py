"""What a model costs: arithmetic and memory in closed form, and a forecast from measured rates."""
