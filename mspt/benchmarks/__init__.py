"""Time and memory of models and partitions: measurements, a cost model in closed form, and fits."""
