"""The HTTP door: routes, headers, limits, documents."""
