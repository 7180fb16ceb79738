"""Reading what laboratories have: speech, movies, single frames, folders of recordings."""
