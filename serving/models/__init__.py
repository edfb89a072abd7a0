"""The model of a deployment: its reference, cache, download, verification and execution."""
