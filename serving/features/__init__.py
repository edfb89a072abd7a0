"""The online features in Redis: which set is live, and one film's row in it."""
