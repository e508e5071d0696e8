"""What stands behind a filter: how many, or about how many."""

import pytest

from haat.gateways.web.store.search import told


@pytest.mark.parametrize(
    ("count", "share", "shown"),
    [
        (0, 1.0, "0"),
        (1234, 1.0, "1,234"),
        (1234, 0.2, "about 1,200"),
        (51_267, 0.02, "about 51,000"),
        (47, 0.5, "about 47"),
    ],
)
def test_counts(count: int, share: float, shown: str) -> None:
    assert told(count, share) == shown
