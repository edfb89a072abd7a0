"""The released model: followed, fetched, verified, run."""
