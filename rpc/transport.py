"""Options of the transport that both ends of a connection agree on, and their credentials."""

from collections.abc import Sequence

import grpc

from rpc.settings import ChannelSettings, KeepaliveSettings, ServerSettings

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


def channel_options(settings: ChannelSettings, *, service_config: str) -> Options:
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


def server_credentials(settings: ServerSettings) -> grpc.ServerCredentials | None:
    """Gives the TLS identity of a server; None: plain text. With `tls_authority`, clients need one too."""
    if settings.tls_certificate is None or settings.tls_key is None:
        return None
    authority = settings.tls_authority.read_bytes() if settings.tls_authority else None
    return grpc.ssl_server_credentials(
        [(settings.tls_key.read_bytes(), settings.tls_certificate.read_bytes())],
        root_certificates=authority,
        require_client_auth=authority is not None,
    )


def channel_credentials(settings: ChannelSettings) -> grpc.ChannelCredentials | None:
    """Gives the TLS identity of a client; None: plain text."""
    if settings.tls_authority is None:
        return None
    return grpc.ssl_channel_credentials(
        root_certificates=settings.tls_authority.read_bytes(),
        private_key=settings.tls_key.read_bytes() if settings.tls_key else None,
        certificate_chain=settings.tls_certificate.read_bytes() if settings.tls_certificate else None,
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
