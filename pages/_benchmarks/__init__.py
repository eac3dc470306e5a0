"""What only the page ``benchmarks`` uses."""
