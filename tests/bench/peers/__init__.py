"""What a user might serve predictions with instead, as its own documentation shows it."""
