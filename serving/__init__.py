"""The API: an HTTP and gRPC service that reads a movie's feature row and predicts its rating."""
