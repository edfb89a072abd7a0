"""What is live: a model, the feature set that it reads and the predictions that it made of that set, together."""
