"""From speech and one frame to a movie, and from frames to a file that plays."""
