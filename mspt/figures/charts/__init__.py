"""Charts in two dimensions: arrays in, Plotly figures out."""
