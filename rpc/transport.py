"""The two ends of a connection: options that they agree on, and their TLS identities."""

from collections.abc import Sequence

import grpc
import grpc.aio

from rpc.settings import ChannelSettings, KeepaliveSettings, ServerSettings
from rpc.verdict import VerdictChannel


class CannotListen(Exception):
    """A port is taken, or the address is none of this machine's."""

    def __init__(self, address: str) -> None:
        super().__init__(f"cannot listen on {address}: is another process there?")


Options = Sequence[tuple[str, int | str]]


def server_options(settings: ServerSettings) -> Options:
    """Gives the options of a server."""
    age = settings.connection_age_seconds
    return (
        *_shared(settings, message_bytes=settings.message_bytes),
        # A second server on the same port is a mistake, not a partner.
        ("grpc.so_reuseport", 0),
        # Clients ping every `keepalive_seconds` of their own; the default allows one in 5 minutes and then
        # cuts the connection off with "too_many_pings".
        ("grpc.http2.min_recv_ping_interval_without_data_ms", 500),
        ("grpc.http2.max_ping_strikes", 0),
        # After its age a connection takes no new calls; those that are open go on as long as they like.
        *((("grpc.max_connection_age_ms", _milliseconds(age)),) if age is not None else ()),
    )


def _channel_options(settings: ChannelSettings, *, service_config: str) -> Options:
    """Gives the options of a channel."""
    return (
        *_shared(settings, message_bytes=settings.message_bytes),
        ("grpc.service_config", service_config),
        ("grpc.max_reconnect_backoff_ms", _milliseconds(settings.connect_seconds)),
        ("grpc.initial_reconnect_backoff_ms", min(200, _milliseconds(settings.connect_seconds))),
        ("grpc.min_reconnect_backoff_ms", _milliseconds(settings.connect_seconds)),
        # Channels to one address do not share a connection: what one of them sees of a peer is its own.
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.primary_user_agent", "verbatim"),
        *(
            (("grpc.ssl_target_name_override", settings.tls_server_name),)
            if settings.tls_server_name is not None
            else ()
        ),
    )


def listen(server: grpc.aio.Server, settings: ServerSettings, *, probes: bool = False) -> int:
    """Binds a server to its port, or in plain text to the one for probes; gives the port. Raises `CannotListen`."""
    port = settings.probe_port if probes else settings.port
    address = f"{settings.host}:{port or 0}"
    credentials = None if probes else _server_credentials(settings)
    try:
        if credentials is None:
            return server.add_insecure_port(address)
        return server.add_secure_port(address, credentials)
    except RuntimeError as error:
        raise CannotListen(address) from error


def open_channel(target: str, settings: ChannelSettings, *, service_config: str) -> grpc.aio.Channel:
    """Opens a channel. With `tls_authority` it is encrypted, and the server must be signed by it."""
    options = _channel_options(settings, service_config=service_config)
    if settings.tls_authority is None:
        return VerdictChannel(grpc.aio.insecure_channel(target, options=options))
    credentials = grpc.ssl_channel_credentials(
        root_certificates=settings.tls_authority.read_bytes(),
        private_key=settings.tls_key.read_bytes() if settings.tls_key else None,
        certificate_chain=settings.tls_certificate.read_bytes() if settings.tls_certificate else None,
    )
    return VerdictChannel(grpc.aio.secure_channel(target, credentials, options=options))


def _server_credentials(settings: ServerSettings) -> grpc.ServerCredentials | None:
    """Gives the TLS identity of a server; None: plain text. With `tls_authority`, clients need one too."""
    if settings.tls_certificate is None or settings.tls_key is None:
        return None
    authority = settings.tls_authority.read_bytes() if settings.tls_authority else None
    return grpc.ssl_server_credentials(
        [(settings.tls_key.read_bytes(), settings.tls_certificate.read_bytes())],
        root_certificates=authority,
        require_client_auth=authority is not None,
    )


def _shared(settings: KeepaliveSettings, *, message_bytes: int) -> Options:
    timeout = _milliseconds(settings.keepalive_timeout_seconds)
    return (
        ("grpc.keepalive_time_ms", _milliseconds(settings.keepalive_seconds)),
        ("grpc.keepalive_timeout_ms", timeout),
        # The one that decides: without it a peer that is stopped goes unnoticed for a minute and more.
        ("grpc.http2.ping_timeout_ms", timeout),
        ("grpc.http2.max_pings_without_data", 0),
        # The probe grows the window of a stream to 4 MiB; without it a peer that does not read holds 64 KiB.
        ("grpc.http2.bdp_probe", 0),
        ("grpc.max_receive_message_length", message_bytes),
        ("grpc.max_send_message_length", -1),
    )


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))
