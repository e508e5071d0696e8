"""What staff decide: synonyms, how hits are ranked, and when the index is made anew."""

from uuid import UUID

from haat.domains.insight.search import statements as sql
from haat.domains.insight.search.api import Ranking, SynonymGroup, SynonymsInvalid
from haat.domains.insight.search.rules import same_words
from haat.domains.insight.search.service.standing import Cases
from haat.kernel.context import Context
from haat.kernel.errors import NotFound


class RulingCases(Cases):
    async def synonyms(self, ctx: Context) -> list[SynonymGroup]:
        return [SynonymGroup(**row) for row in await self._db.fetch(sql.SYNONYMS)]

    async def save_synonyms(
        self, ctx: Context, *, id: UUID, words: list[str], one_way: bool = False
    ) -> SynonymGroup:
        known = list(dict.fromkeys(filter(None, map(same_words, words))))
        if len(known) < 2:
            raise SynonymsInvalid
        await self._db.execute(sql.SAVE_SYNONYMS, id, known, one_way)
        self._ruled = None
        return SynonymGroup(id=id, words=known, one_way=one_way)

    async def drop_synonyms(self, ctx: Context, *, id: UUID) -> None:
        if not await self._db.execute(sql.DROP_SYNONYMS, id):
            raise NotFound
        self._ruled = None

    async def ranking(self, ctx: Context) -> Ranking:
        row = await self._db.fetchrow(sql.RANKING)
        assert row is not None, "a migration wrote it"
        return Ranking(**{name: row[name] for name in Ranking.model_fields})

    async def set_ranking(self, ctx: Context, *, ranking: Ranking) -> Ranking:
        values = (ranking.popularity, ranking.freshness, ranking.fresh_days, ranking.meaning)
        await self._db.execute(sql.SAVE_RANKING, *values)
        self._ruled = None
        return ranking

    async def rebuild(self, ctx: Context) -> int:
        return int(await self._db.fetchval(sql.NEW_EDITION))
