"""Who answers: the HTTP service that reads one feature row and predicts one rating."""
