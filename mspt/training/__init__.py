"""Training: loop, state, optimizers, batches, presets."""
