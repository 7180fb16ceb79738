"""One file describes an experiment; one command trains its arms, scores them on the same clips and writes a page."""
