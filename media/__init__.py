"""Any audio or video bytes to 16 kHz mono PCM, in a sandboxed child; knows no gRPC."""
