"""What only the page ``upload`` uses."""
