"""What stands between the Diarize RPC and its engines: settings, the pool, the messages."""
