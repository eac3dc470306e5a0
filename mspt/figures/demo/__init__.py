"""A folder of plain HTML pages with the 3-D viewer, which needs no server."""
