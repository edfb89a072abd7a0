"""The scale and precision of a rating, as IMDb shows it and as the API answers it."""

LOWEST_RATING, HIGHEST_RATING = 1.0, 10.0
"""The ends of IMDb's scale, both inclusive, in rating points."""
DECIMALS = 4
"""Decimals of the rating that the API answers."""
