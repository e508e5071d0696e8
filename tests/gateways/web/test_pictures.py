"""Addresses of pictures on pages."""

from collections.abc import Iterator
from uuid import UUID

import pytest

from haat.domains.people.media.api import Picture
from haat.gateways.web.kit import pictures
from haat.gateways.web.pages import picture_url
from haat.gateways.web.visit import content_policy

ID = UUID(int=7)


@pytest.fixture
def cdn(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("HAAT_MEDIA_URL", "https://cdn.example.com/")
    pictures.base.cache_clear()
    yield
    monkeypatch.undo()
    pictures.base.cache_clear()


def test_widths_are_told_as_they_are() -> None:
    known = Picture(media_id=ID, width=400, height=300)
    assert pictures.srcset(known) == (
        f"/media/{ID}/160.webp 160w, /media/{ID}/320.webp 320w, /media/{ID}/480.webp 400w"
    )
    assert pictures.size_of(known) == (400, 300)
    unknown = Picture(media_id=ID)
    assert pictures.srcset(unknown, "avif").endswith(f"/media/{ID}/1280.avif 1280w")
    assert pictures.size_of(unknown) == pictures.size_of(None) == (480, 480)
    wide = Picture(media_id=ID, width=4000, height=3000)
    assert pictures.srcset(wide).endswith("1280.webp 1280w")


def test_pictures_elsewhere_have_one_address() -> None:
    linked = Picture(url="https://example.com/a.png")
    assert pictures.srcset(linked) == pictures.srcset(None) == ""
    assert picture_url(linked) == "https://example.com/a.png"
    assert picture_url(None).startswith("/static/no-picture.svg")


@pytest.mark.usefixtures("cdn")
def test_a_cdn_in_front() -> None:
    picture = Picture(media_id=ID, width=100, height=100)
    assert pictures.srcset(picture) == f"https://cdn.example.com/media/{ID}/160.webp 100w"
    assert picture_url(picture) == f"https://cdn.example.com/media/{ID}/640.webp"
    assert pictures.file_url(ID) == f"https://cdn.example.com/media/{ID}"
    assert "media-src 'self' https://cdn.example.com;" in content_policy("nonce")


def test_without_one_nothing_is_from_elsewhere() -> None:
    assert "media-src 'self';" in content_policy("nonce")


def test_a_cdn_that_is_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAAT_MEDIA_URL", "javascript:alert(1)")
    pictures.base.cache_clear()
    with pytest.raises(ValueError, match="HAAT_MEDIA_URL"):
        pictures.base()
    pictures.base.cache_clear()
