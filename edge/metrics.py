"""What the edge counts beside its requests."""

from prometheus_client import Counter, Gauge

STREAMS_OPEN = Gauge("edge_streams_open", "Live streams open now.")
STREAM_SECONDS = Counter("edge_stream_audio_seconds", "Audio received over live streams.")
FILE_SECONDS = Counter("edge_file_audio_seconds", "Audio decoded from uploads that were answered.")
UPLOAD_BYTES = Counter("edge_upload_bytes", "Bytes of files received.")
MOVES = Counter("edge_recognitions_moved", "Recognitions that went on at another replica, or tried to.")
SPEAKERS_LEFT_OUT = Counter("edge_speakers_left_out", "Transcripts and streams without the speakers they asked for.")
