"""Models that are made of other models: a graph of calls, checked when its models load, run per request."""
