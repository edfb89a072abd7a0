"""Other ways to serve predictions, each as its own documentation shows it."""
