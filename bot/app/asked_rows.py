"""The requests in a file of rows that people bring to be asked one after the other. Pure."""

from engine.errors import BadRequest
from engine.request import Request
from engine.rows import read_rows

MOST = 50  # requests of a file


def requests_in(text: str) -> list[str]:
    """Read the requests of a file of rows (engine/rows.py). Ids, references and tags are not used. Raises BadRequest naming the line."""
    if not text.strip():
        raise BadRequest("The file holds no request.")
    requests: list[str] = []
    for row in read_rows([text.encode()], "the file").rows:
        where = f"Line {row.line:,} of the file"
        if row.history:
            raise BadRequest(f"{where} has turns before its request, which a file here cannot have: python -m engine ask --file can.")
        try:
            requests.append(Request.of(row.text).text)
        except BadRequest as error:
            raise BadRequest(f"{where}: {error}") from None
    if len(requests) > MOST:
        raise BadRequest(f"The file holds {len(requests):,} requests; at most {MOST} are taken at once.")
    return requests
