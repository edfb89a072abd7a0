"""What was answered, and from what: kept in Postgres, off the answer path."""
