"""The online features in Redis: feature sets and the rows of movies in them."""
