"""What is let near FFmpeg: containers and raw streams of sound; no playlists, devices, images, subtitles or scripts.

A playlist demuxer opens other files by name, so none is here (`hls`, `dash`, `concat`, `ffconcat`, `sdp`, `rtsp`,
`image2`, `lavfi`, `vapoursynth`, `webm_dash_manifest`). Neither is anything that content alone does not tell apart
(raw PCM).
"""

DEMUXERS = (
    # the sixteen of the contract
    *("mp3", "wav", "flac", "ogg", "mov", "aac", "asf", "asf_o", "matroska", "avi", "mpeg", "mpegts"),
    # other sound
    *("ac3", "eac3", "aiff", "amr", "ape", "au", "caf", "dts", "dtshd", "gsm", "loas", "mlp", "truehd", "mpc", "mpc8"),
    *("oma", "qcp", "sox", "tak", "tta", "voc", "w64", "wv", "xwma", "iff", "dsf", "nistsphere", "adx", "shn"),
    # other films
    *("flv", "kux", "live_flv", "mxf", "gxf", "nut", "nuv", "rm", "wtv", "dv", "mpegtsraw", "ivr", "swf"),
)
