"""The gRPC door: the same answers as over HTTP. Imported only where it is open, since grpc costs memory."""
