"""The whole OpenAPI document by a tool that somebody else wrote: whatever the document allows, and
what it does not, is answered as it says. docs/operate/proofs.md tells how to run it whole.

Needs schemathesis (`st`) on the path, or in HAAT_SCHEMATHESIS; HAAT_FUZZ_EXAMPLES says how many
requests an operation gets, HAAT_FUZZ_ONLY, a regular expression, which paths are asked,
HAAT_FUZZ_AS who asks, and HAAT_FUZZ_KEEP names a folder for the tool's own reports.
"""

import asyncio
import json
import os
import re
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from haat.gateways.rest.rights import table
from tests import postgres
from tests.gateways.rest.operations import ROWS, row_of
from tests.gateways.town import Town, settled
from tests.journeys.box import market

TOOL = os.environ.get("HAAT_SCHEMATHESIS") or shutil.which("st") or ""
EXAMPLES = int(os.environ.get("HAAT_FUZZ_EXAMPLES", "0"))
ONLY = re.compile(os.environ.get("HAAT_FUZZ_ONLY", ""))
ROLES = os.environ.get("HAAT_FUZZ_AS", "staff,owner,customer,guest").split(",")
KEPT = os.environ.get("HAAT_FUZZ_KEEP", "")
SEED = os.environ.get("HAAT_FUZZ_SEED", "20261121")
HOOKS = Path(__file__).with_name("fuzzing.py")
# Their data may be valid and still be refused for what is known here alone (an offer that is none,
# an end before its beginning): `well_shaped` of HOOKS looks at the rest of that check.
EXCLUDED = "positive_data_acceptance"
# Any refusal of a wrong request will do, 414 of one that is too long as well.
SETTINGS = '[checks.negative_data_rejection]\nexpected-statuses = ["4xx"]\n'
PIECE = 16  # paths that one run asks for, in a market of its own
LIMIT_S = 50 * 60  # less than the token's life

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (TOOL and EXAMPLES), reason="HAAT_FUZZ_EXAMPLES is not set, or there is no schemathesis"
    ),
]


def pieces() -> list[list[str]]:
    """The paths of the API, so many at a time."""
    paths = sorted({name.split(" ")[1] for name in table()})
    wanted = [path for path in paths if ONLY.search(path)]
    return [wanted[at : at + PIECE] for at in range(0, len(wanted), PIECE)]


@pytest_asyncio.fixture(loop_scope="session")
async def town(postgres_url: str, template_url: str, tmp_path: Path) -> AsyncIterator[Town]:
    """One for each piece: what is allowed may close an account, or the market."""
    with postgres.database(postgres_url, template=postgres.name_of(template_url)) as url:
        options = {"HAAT_ACCESS_TTL_MINUTES": "60"}
        async with market(url, tmp_path, "local", options=options) as box:
            yield await settled(box)


async def token_of(town: Town, role: str) -> str | None:
    """An access token of that role; guests have none."""
    people = {"owner": town.clay.owner, "customer": town.customer}
    return None if role == "guest" else (people.get(role) or await town.box.staff()).token


def with_rows(document: dict[str, Any], rows: dict[str, str]) -> dict[str, Any]:
    """The document, in which every second id is one that there is; changed in place."""
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for one in operation.get("parameters", ()):
                row = row_of(path.removeprefix("/api/v1"), one["name"])
                if one["in"] == "path" and row in rows and one["schema"].get("type") == "string":
                    one["schema"] = {"anyOf": [{"const": rows[row]}, one["schema"]]}
    for schema in document["components"]["schemas"].values():
        for name, one in schema.get("properties", {}).items():
            row = ROWS.get(name, "")
            if row in rows and one.get("format") == "uuid":
                schema["properties"][name] = {"anyOf": [{"const": rows[row]}, one]}
    return document


def tally(lines: Iterable[str]) -> str:
    """How many requests, of how many operations, answered with what."""
    found = [line.rsplit(" ", 1) for line in lines]
    known = {name for name, status in found if status != "405"}
    answers = Counter(status for _, status in found)
    well = {name for name, status in found if status.startswith("2")}
    return (
        f"{len(found)} requests of {len(known)} operations, "
        f"{len(well)} of which were answered well: {dict(sorted(answers.items()))}"
    )


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("paths", pieces(), ids=lambda paths: paths[0])
async def test_the_document_is_true(
    town: Town, role: str, paths: list[str], tmp_path: Path
) -> None:
    token = await token_of(town, role)
    document: dict[str, Any] = (await town.box.http.get(f"{town.box.address}/openapi.json")).json()
    document["paths"] = {
        path: what
        for path, what in document["paths"].items()
        if path.removeprefix("/api/v1") in paths
    }
    schema, asked = tmp_path / "openapi.json", tmp_path / "asked"
    asked.touch()
    (tmp_path / "schemathesis.toml").write_text(SETTINGS, "utf-8")
    schema.write_text(json.dumps(with_rows(document, town.rows)), "utf-8")
    command = [TOOL, "run", str(schema), "--url", town.box.address, "--seed", SEED, "--no-color"]
    command += ["--max-examples", str(EXAMPLES), "--workers", "1", "--phases", "coverage,fuzzing"]
    command += ["--checks", "all", "--exclude-checks", EXCLUDED, "--no-shrink"]
    command += ["--request-timeout", "60"]  # how busy the machine is says nothing
    command += ["--suppress-health-check", "all", "--warnings", "off", "--continue-on-failure"]
    if token:
        command += ["--header", f"Authorization: Bearer {token}"]
    running = await asyncio.create_subprocess_exec(
        *command,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=tmp_path,
        env={**os.environ, "SCHEMATHESIS_HOOKS": str(HOOKS), "HAAT_FUZZ_ASKED": str(asked)},
    )
    told, _ = await asyncio.wait_for(running.communicate(), LIMIT_S)
    print(f"\nfuzzed as {role}: {tally(asked.read_text().splitlines())}")
    if KEPT:
        name = f"{role}{paths[0].replace('/', '-')}.txt"
        (Path(KEPT) / name).write_bytes(told)
    assert running.returncode == 0, told.decode("utf-8", "replace")[-20_000:]
