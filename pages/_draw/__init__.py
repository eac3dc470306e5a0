"""What only the page ``draw`` uses."""
