from regista.kit.bus.progress import Progress


def test_lag_that_stands_still_is_a_standstill() -> None:
    progress = Progress(0, patience=60)
    progress.observe(1, {0: 5}, {0: 9}, batches=0)
    progress.observe(61, {0: 5}, {0: 9}, batches=0)
    assert progress.standstill(61) is None
    assert progress.standstill(62) == 61


def test_nothing_to_do_is_no_standstill() -> None:
    progress = Progress(0, patience=60)
    progress.observe(1000, {0: 9}, {0: 9}, batches=0)
    assert progress.standstill(1000) is None


def test_a_position_that_moves_or_a_batch_that_ends_is_progress() -> None:
    progress = Progress(0, patience=60)
    progress.observe(100, {0: 5, 1: 1}, {0: 9, 1: 1}, batches=0)
    progress.observe(150, {0: 6, 1: 1}, {0: 9, 1: 1}, batches=0)
    progress.observe(200, {0: 6, 1: 1}, {0: 9, 1: 1}, batches=1)
    assert progress.standstill(255) is None
    assert progress.standstill(261) == 61


def test_a_known_outage_starts_the_patience_anew() -> None:
    progress = Progress(0, patience=60)
    progress.observe(1, {0: 5}, {0: 9}, batches=0)
    progress.excuse(100)
    assert progress.standstill(150) is None


def test_a_partition_whose_end_is_not_known_yet_has_no_lag() -> None:
    progress = Progress(0, patience=60)
    progress.observe(100, {0: 5}, {}, batches=0)
    assert progress.standstill(160) is None


def test_a_batch_that_never_ends_is_a_standstill_although_nothing_waits_behind_it() -> None:
    progress = Progress(0, patience=60)
    progress.observe(1, {0: 9}, {0: 9}, batches=3, in_hand=True)
    progress.observe(62, {0: 9}, {0: 9}, batches=3, in_hand=True)
    assert progress.standstill(62) == 61
