"""Receipts: a record in Postgres of each answer and its inputs, written outside the answer path."""
