"""Audio to words and audio to turns."""
