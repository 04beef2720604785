"""Files of repositories on the Hugging Face hub, through its own client where that is installed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from weights.failure import SourceFailure, is_no_room
from weights.sets import HubFile

_TIMEOUT_SECONDS = 10.0


class Hub:
    """One fetch's view of the hub: once it could not be reached, it is not asked again for each further file."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._unreachable: str | None = None

    def copy(self, source: HubFile, target: Path, *, on_bytes: Callable[[int], None]) -> str:
        """Download to `target`, continuing where an earlier try broke off, and return the commit that it is from.

        Raises SourceFailure; OSError where the disk is at fault.
        """
        try:
            import huggingface_hub  # an extra of the rooms that need it
            from huggingface_hub import errors
        except ImportError:
            raise SourceFailure("hub: huggingface_hub is not installed") from None
        if self._unreachable is not None:
            raise SourceFailure(self._unreachable)
        failures: tuple[type[Exception], ...] = (
            OSError,
            ValueError,
            RuntimeError,
            errors.EntryNotFoundError,
            *_transport_errors(errors.HfHubHTTPError),
        )
        where = f"hub {source.repository}@{source.revision or 'main'}/{source.path}"
        try:
            # The client itself tries for half a minute when there is no network at all: ask once before.
            url = huggingface_hub.hf_hub_url(source.repository, source.path, revision=source.revision)
            metadata = huggingface_hub.get_hf_file_metadata(url, timeout=_TIMEOUT_SECONDS)
        except (errors.HfHubHTTPError, errors.EntryNotFoundError) as error:
            raise SourceFailure(f"{where}: {_first_line(error)}") from error
        except failures as error:
            self._unreachable = f"hub: not reachable ({_first_line(error)})"
            raise SourceFailure(self._unreachable) from error
        try:
            got = huggingface_hub.hf_hub_download(
                source.repository,
                source.path,
                revision=metadata.commit_hash or source.revision,
                local_dir=self._scratch,
                tqdm_class=_reporting(on_bytes),
            )
        except failures as error:
            if isinstance(error, OSError) and is_no_room(error):
                raise
            raise SourceFailure(f"{where}: {_first_line(error)}") from error
        Path(got).replace(target)
        return metadata.commit_hash or source.revision or ""


def _transport_errors(known: type[Exception]) -> list[type[Exception]]:
    """Return the base class of the HTTP library that the client happens to be built on."""
    return [base for base in known.__mro__ if base.__name__ == "HTTPError" and issubclass(base, Exception)]


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def _reporting(on_bytes: Callable[[int], None]) -> Any:
    """Make the progress class that the client asks for out of our counter."""
    from huggingface_hub.utils.tqdm import tqdm

    class Reporting(tqdm):
        """Counts as the client's own bar does and draws nothing."""

        def __init__(self, *args: Any, **settings: Any) -> None:
            super().__init__(*args, **{**settings, "disable": True})  # type: ignore[no-untyped-call]  # as the base has it
            self._fetched = int(settings.get("initial") or 0)

        def update(self, n: float | None = 1) -> None:
            self._fetched += int(n or 0)
            on_bytes(self._fetched)

    return Reporting
