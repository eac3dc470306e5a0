"""What the page on training has of its own."""
