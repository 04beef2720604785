"""What a model has taken on and not worked off."""

from inference.backlog import SHARE, Backlog


def test_each_session_counts_for_what_it_owes() -> None:
    backlog = Backlog(800.0)
    backlog.owe(1, 30.0)
    backlog.owe(2, 20.0)
    backlog.owe(1, 10.0)
    assert backlog.seconds == 30.0
    backlog.leave(1)
    backlog.leave(1)
    assert backlog.seconds == 20.0


def test_a_long_session_counts_for_its_share_only() -> None:
    backlog = Backlog(800.0)
    backlog.owe(1, 36_000.0)
    assert backlog.seconds == 800.0 * SHARE
    backlog.owe(1, -1.0)
    assert backlog.seconds == 0.0
