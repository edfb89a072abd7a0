"""The last published ratings of all films, on local disk."""
