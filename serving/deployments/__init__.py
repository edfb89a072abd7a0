"""The live deployment: a model, the feature set that it reads and the predictions that it made from that set."""
