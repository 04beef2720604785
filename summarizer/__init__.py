"""Transcripts to summaries."""
