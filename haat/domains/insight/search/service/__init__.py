"""Search's use cases: finding and completing, following the catalogue, what people look for, and
what staff decide."""

from haat.domains.insight.search.service.completing import CompletingCases
from haat.domains.insight.search.service.discovering import DiscoveringCases
from haat.domains.insight.search.service.following import FollowingCases
from haat.domains.insight.search.service.ruling import RulingCases


class SearchService(DiscoveringCases, CompletingCases, FollowingCases, RulingCases):
    """The index is outside the database and can be made again from it at any time."""


__all__ = ["SearchService"]
