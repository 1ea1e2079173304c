"""What moves bytes: HTTP and gRPC, for threads and for asyncio each."""
