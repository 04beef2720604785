from weights.meter import Meter


def test_the_count_never_falls_and_ends_at_the_total() -> None:
    told: list[tuple[int, int]] = []
    meter = Meter(100, lambda fetched, total: told.append((fetched, total)))
    meter.begin(100)
    meter.show(60)
    meter.show(30)
    meter.show(5_000)
    meter.finish(100)
    meter.begin(None)
    meter.show(40)
    meter.finish(50)
    assert told == [(60, 100), (100, 100), (100, 100), (140, 140), (150, 150)]
