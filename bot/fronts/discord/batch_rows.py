"""Which files hold requests, and the requests in them. Pure."""

from engine.errors import BadRequest
from engine.request import Request
from engine.rows import read_rows

MOST = 50  # requests of a file


def is_rows(name: str, request: str | None) -> bool:
    """Whether a file of this name holds requests; a .csv or .json beside a typed request belongs to that request."""
    return name.lower().endswith(".jsonl") or (not request and name.lower().endswith((".csv", ".json")))


def requests_in(text: str) -> list[str]:
    """Read the requests of a file of rows (engine/rows.py). Ids, references and tags are not used. Raises BadRequest naming the line."""
    if not text.strip():
        raise BadRequest("The file holds no request.")
    requests: list[str] = []
    for row in read_rows([text.encode()], "the file").rows:
        where = f"Line {row.line:,} of the file"
        if row.history:
            raise BadRequest(f"{where} has turns before its request, which a file on Discord cannot have: python -m engine ask --file can.")
        try:
            requests.append(Request.of(row.text).text)
        except BadRequest as error:
            raise BadRequest(f"{where}: {error}") from None
    if len(requests) > MOST:
        raise BadRequest(f"The file holds {len(requests):,} requests; at most {MOST} are taken at once.")
    return requests
