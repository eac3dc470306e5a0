"""Cases that a person brings: files of arrays and of points, read as cases of a data set."""
