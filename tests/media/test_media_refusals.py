import os
from pathlib import Path

import pytest

from media import (
    EmptyMedia,
    Limits,
    MediaError,
    MediaLimitExceeded,
    MediaTimeout,
    MediaTooLong,
    NoAudioTrack,
    Report,
    UnreadableMedia,
    decode,
    probe,
)
from media.errors import by_reason
from tests.audio import clip_pcm, packaged_clip, shared_clip, silence, white_noise
from tests.media.recordings import (
    write_film_without_sound,
    write_long_film,
    write_many_tracks,
    write_recording,
    write_silent_flac,
)


async def report_of(source: int | Path, limits: Limits | None = None) -> Report:
    async with decode(source, limits=limits) as decoder:
        async for _ in decoder:
            pass
    return decoder.report


def test_each_slug_names_its_error() -> None:
    kinds = [EmptyMedia, UnreadableMedia, NoAudioTrack, MediaTooLong, MediaLimitExceeded, MediaTimeout]
    assert [type(by_reason(kind.reason, "why")) for kind in kinds] == kinds
    assert len({kind.reason for kind in kinds}) == len(kinds)
    assert type(by_reason("something a captured child says", "why")) is UnreadableMedia


async def test_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "empty.mp3"
    path.touch()
    with pytest.raises(EmptyMedia):
        await report_of(path)


async def test_a_track_without_samples(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "empty.wav", silence(1), "wav")
    path.write_bytes(path.read_bytes()[:-32_000])
    with pytest.raises(MediaError) as raised:
        await report_of(path)
    assert raised.value.reason in {"empty_media", "unreadable_media"}


@pytest.mark.parametrize(
    "content",
    [
        b"This is a letter, not a recording.\n" * 50,
        os.urandom(100_000),
        bytes(100_000),
        b"\x89PNG\r\n\x1a\n" + bytes(1_000),
        b"%PDF-1.7\n" + bytes(10_000),
        b"RIFF",
    ],
)
async def test_what_is_no_recording(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "recording.mp3"
    path.write_bytes(content)
    with pytest.raises(MediaError) as raised:
        await report_of(path)
    assert raised.value.reason in {"unreadable_media", "empty_media"}
    assert str(tmp_path) not in str(raised.value)


async def test_a_codec_that_nobody_knows(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "recording", silence(1), "wav")
    content = bytearray(path.read_bytes())
    content[20:22] = b"\x34\x12"
    path.write_bytes(content)
    with pytest.raises(UnreadableMedia, match="form"):
        await report_of(path)


async def test_tracks_that_begin_in_the_midst(tmp_path: Path) -> None:
    sound = write_recording(tmp_path / "sound", silence(2), "mpeg", film_seconds=0).read_bytes()
    film = write_recording(tmp_path / "film", silence(2), "mpeg").read_bytes()
    path = tmp_path / "joined"
    path.write_bytes(sound * 3 + film)
    assert (await report_of(path)).duration >= 6


async def test_a_film_without_sound(tmp_path: Path) -> None:
    path = write_film_without_sound(tmp_path / "film.mp4")
    with pytest.raises(NoAudioTrack):
        await report_of(path)
    with pytest.raises(NoAudioTrack):
        await probe(path)


@pytest.mark.parametrize("source", ["missing", "folder", "pipe"])
async def test_what_is_no_file(source: str, tmp_path: Path) -> None:
    path = tmp_path / source
    if source == "folder":
        path.mkdir()
    if source == "pipe":
        os.mkfifo(path)
    with pytest.raises(UnreadableMedia):
        await report_of(path)


async def test_a_pipe_by_its_descriptor_is_no_file() -> None:
    read_end, write_end = os.pipe()
    try:
        with pytest.raises(UnreadableMedia):
            await report_of(read_end)
    finally:
        os.close(read_end)
        os.close(write_end)


@pytest.mark.parametrize(
    "playlist",
    [
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{target}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{target}'\n",
        "[playlist]\nFile1={target}\nNumberOfEntries=1\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\na=control:{target}\n",
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'mediaPresentationDuration="PT9S" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period>'
        '<AdaptationSet mimeType="audio/wav">'
        '<Representation id="1" bandwidth="1"><BaseURL>{target}</BaseURL></Representation></AdaptationSet></Period>'
        "</MPD>",
    ],
)
async def test_a_playlist_opens_no_other_file(playlist: str, tmp_path: Path) -> None:
    target = write_recording(tmp_path / "other.wav", white_noise(1), "wav")
    path = tmp_path / "list.mp3"
    for reference in (str(target), f"file://{target}", "other.wav", "http://127.0.0.1:9/other.wav"):
        path.write_text(playlist.format(target=reference))
        with pytest.raises(UnreadableMedia):
            await report_of(path)


@pytest.mark.parametrize("suffix", ["mp3", "flac", "wav", "ogg", "mkv", "aac", "mpeg"])
async def test_a_cut_recording_gives_what_is_there(suffix: str, tmp_path: Path) -> None:
    path = write_recording(tmp_path / "recording", clip_pcm(packaged_clip("beckett.wav")), suffix)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    report = await report_of(path)
    assert 2 < report.duration < 8
    # A bare stream of frames says nowhere how long it should be.
    assert report.truncated == (suffix not in {"aac", "mpeg", "ogg"})


async def test_a_guessed_length_is_no_claim(tmp_path: Path) -> None:
    """An MP3 file whose first seconds are poor and whose rest is rich seems much longer than it is."""
    poor = write_recording(tmp_path / "poor", silence(2), "mp3", bit_rate=32_000, options={"write_xing": "0"})
    rich = write_recording(tmp_path / "rich", white_noise(6), "mp3", bit_rate=320_000, options={"write_xing": "0"})
    path = tmp_path / "joined"
    path.write_bytes(poor.read_bytes() + rich.read_bytes())
    report = await report_of(path)
    assert report.container_seconds is not None
    assert report.container_seconds > 20
    assert report.duration == pytest.approx(8, abs=0.2)
    assert not report.truncated


async def test_a_film_whose_sound_ends_early_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "film.mkv"
    write_recording(path, clip_pcm(packaged_clip("beckett.wav")), "mkv", film_seconds=20)
    report = await report_of(path)
    assert report.container_seconds == pytest.approx(20, abs=0.2)
    assert report.duration == pytest.approx(9.96, abs=0.1)
    assert not report.truncated


async def test_damage_in_the_middle_is_passed_over_and_said(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "recording", clip_pcm(packaged_clip("beckett.wav")), "flac")
    content = bytearray(path.read_bytes())
    content[60_000:90_000] = os.urandom(30_000)
    path.write_bytes(content)
    report = await report_of(path)
    assert 7 < report.duration < 9
    assert report.truncated


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("truncated.mp4", "unreadable_media"),
        ("zero_bytes.mp3", "empty_media"),
        ("text_renamed.mp3", "unreadable_media"),
        ("no_audio_track.mp4", "no_audio_track"),
    ],
)
async def test_the_shared_malformed_files_are_refused(name: str, reason: str) -> None:
    with pytest.raises(MediaError) as raised:
        await report_of(shared_clip(f"malformed/{name}"))
    assert raised.value.reason == reason


async def test_a_header_that_lies_about_the_length_is_not_believed() -> None:
    report = await report_of(shared_clip("malformed/lying_header.wav"))
    assert report.duration == pytest.approx(6.83, abs=0.01)


async def test_the_bound_of_seconds(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "recording", silence(4), "wav")
    with pytest.raises(MediaTooLong):
        await report_of(path, Limits(seconds=3.9))
    assert (await report_of(path, Limits(seconds=4))).duration == 4


async def test_the_bound_of_bytes(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "recording", silence(1), "wav")
    with pytest.raises(MediaLimitExceeded, match="bytes"):
        await report_of(path, Limits(bytes=path.stat().st_size - 1))
    await report_of(path, Limits(bytes=path.stat().st_size))


async def test_the_bound_of_channels(tmp_path: Path) -> None:
    path = write_silent_flac(tmp_path / "recording", 0.01, channels=8)
    with pytest.raises(MediaLimitExceeded, match="channels"):
        await report_of(path, Limits(channels=7))
    assert (await report_of(path)).channels == 8


async def test_the_bound_of_the_sample_rate(tmp_path: Path) -> None:
    path = write_silent_flac(tmp_path / "recording", 0.01, rate=96_000)
    with pytest.raises(MediaLimitExceeded, match="Hz"):
        await report_of(path, Limits(sample_rate=48_000))
    assert (await report_of(path)).sample_rate == 96_000


async def test_the_bound_of_tracks(tmp_path: Path) -> None:
    with pytest.raises(MediaLimitExceeded, match="tracks"):
        await report_of(write_many_tracks(tmp_path / "many.avi", 10_000))
    with pytest.raises(MediaLimitExceeded, match="tracks"):
        await report_of(write_many_tracks(tmp_path / "many.avi", 65))
    assert (await report_of(write_many_tracks(tmp_path / "few.avi", 64))).duration > 0


async def test_the_bound_of_processor_time(tmp_path: Path) -> None:
    bomb = write_silent_flac(tmp_path / "bomb", 4, rate=192_000, channels=8)
    with pytest.raises(MediaTimeout, match="processor"):
        await report_of(bomb, Limits(cpu_seconds=1))


async def test_a_day_of_silence_in_a_small_file(tmp_path: Path) -> None:
    bomb = write_silent_flac(tmp_path / "bomb", 24)
    assert bomb.stat().st_size < 1 << 20
    with pytest.raises(MediaTooLong):
        await report_of(bomb, Limits(seconds=2 * 3600))


async def test_a_film_of_a_day(tmp_path: Path) -> None:
    film = write_long_film(tmp_path / "film.mkv", write_silent_flac(tmp_path / "sound", 24))
    with pytest.raises(MediaTooLong):
        await report_of(film, Limits(seconds=2 * 3600))
