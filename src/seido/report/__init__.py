"""What people look at: tables of scores with their intervals, side-by-side movies, pictures."""
