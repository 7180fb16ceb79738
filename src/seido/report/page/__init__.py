"""The report as one HTML page that needs no server and no other host, and the same figures as JSON and CSV."""
