"""`haat keys`: rotates the keys of access tokens. A running market hears of it by itself."""

from haat.app.settings import AppSettings
from haat.engines.http.keyring import read_ring, ring_path, rotated, write_ring
from haat.kernel.clock import SystemClock


def rotate_keys(settings: AppSettings, *, drop: bool) -> str:
    """Writes a ring with one more generation; what it holds then."""
    path = ring_path(settings.secret_path)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_ring(path, rotated(read_ring(path), SystemClock().now(), drop=drop))
    return describe_keys(settings)


def describe_keys(settings: AppSettings) -> str:
    """A line for each generation."""
    ring = read_ring(ring_path(settings.secret_path))
    return "\n".join(f"key {one.number} signs from {one.signs_from.isoformat()}" for one in ring)
