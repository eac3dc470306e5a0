"""Figures: arrays in, ``plotly`` figures out. The only place that draws or knows a color."""
