"""Stage collect: claims what landed in the drop zone, files it as footage and writes the batch."""
