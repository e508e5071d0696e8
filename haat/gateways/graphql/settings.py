"""What an operator says about the GraphQL door."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, field_validator

from haat.kernel.settings import Settings


class GraphqlSettings(Settings):
    """HAAT_GRAPHQL_MAX_COST and so on."""

    # A JSON manifest, or a folder of .graphql files: nothing else is answered then.
    graphql_only_persisted: Path | None = None
    graphql_introspection: bool = True
    graphql_max_cost: Annotated[int, Field(ge=10, le=1_000_000)] = 5_000
    graphql_max_depth: Annotated[int, Field(ge=3, le=50)] = 12
    graphql_max_aliases: Annotated[int, Field(ge=0, le=1_000)] = 30
    graphql_max_tokens: Annotated[int, Field(ge=50, le=20_000)] = 2_000
    graphql_max_directives: Annotated[int, Field(ge=0, le=500)] = 20
    graphql_max_batch: Annotated[int, Field(ge=1, le=50)] = 10
    graphql_deadline_s: Annotated[float, Field(gt=0, le=30)] = 10
    graphql_kept_s: Annotated[float, Field(gt=0)] = 86_400  # a persisted query nobody asks for
    # Connections of one process that hear news, and what one connection hears at once.
    graphql_max_listeners: Annotated[int, Field(ge=0, le=100_000)] = 1_000
    graphql_max_subscriptions: Annotated[int, Field(ge=1, le=100)] = 20
    graphql_watch_s: Annotated[float, Field(gt=0, le=60)] = 1  # between looks at the stock

    @field_validator("graphql_only_persisted", mode="before")
    @classmethod
    def _empty_is_none(cls, value: Any) -> Any:
        return value or None
