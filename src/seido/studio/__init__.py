"""The studio: a page in the browser, and its server, that make movies from speech and show them."""
