"""The check of rows as people call it: findings with lines, fixes only where they were accepted, and exit statuses."""

import asyncio
import json
from pathlib import Path

import pytest

from adapters.__main__ import main
from adapters.data.rows import canonical, classes_of
from engine.recipes import load_recipe
from engine.rows import read_rows

LAMP = "Where is the blue lamp that I ordered on Monday evening?"
ROWS = [
    {"request": LAMP, "answer": "delivery"},
    {"request": LAMP.upper(), "answer": "Delivery"},
    {"request": LAMP + "!", "answer": "delivery"},
    {"request": "May I send the mug back?", "answer": "returns"},
    {"request": "May I send the mug back?", "answer": "payment"},
    {"request": "My address is ann@example.org, where is the mug?", "answer": "delivery"},
    {"request": "Pay with 4111 1111 1111 1111", "answer": "payment"},
    {"request": "Is it dear?", "answer": ""},
    {"request": "How do I pay by card?", "answer": "payment"},
    {"request": "The shade came broken, what now?", "answer": "returns"},
    {"request": "I want my money back for the lamp", "answer": "returns"},
]


def write(path: Path, rows: list[dict[str, str]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def call(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    status = main(["data", *map(str, words)])
    told = capsys.readouterr()
    return status, told.out, told.err


def found(told: str) -> dict[str, list[list[int]]]:
    kinds: dict[str, list[list[int]]] = {}
    for finding in json.loads(told)["findings"]:
        kinds.setdefault(finding["kind"], []).append(finding["lines"])
    return kinds


def test_every_finding_has_its_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, told, _ = call(capsys, "check", write(tmp_path / "r.jsonl", ROWS), "--json")
    assert status == 1 and found(told) == {
        "contradiction": [[4, 5]],
        "card-number": [[7]],
        "e-mail": [[6]],
        "empty-answer": [[8]],
        "duplicate": [[1, 2]],
        "near-duplicate": [[1, 3]],
    }
    table = json.loads(told)
    assert table["classes"]["rows"] == {"delivery": 4, "payment": 3, "returns": 3} and table["split"]["folds"] == 5
    assert table["tokens"]["context"] == 2048 and table["rows"] == 11


def test_people_read_lines_of_a_hundred_characters(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, told, _ = call(capsys, "check", write(tmp_path / "r.jsonl", ROWS))
    assert status == 1 and max(map(len, told.splitlines())) <= 100
    words = " ".join(told.split())
    assert "11 rows, answers from a closed set of 3" in words and "! contradiction 2 4 and 5 " in words
    assert "no test figure" in words and "delivery" in words and "A decision on these rows would be wrong" in words
    status, told, _ = call(
        capsys, "check", write(tmp_path / "good.jsonl", [{**row, "answer": f"It is {row['answer']}."} for row in ROWS[8:]])
    )
    assert status == 0 and "Nothing was found." in told


def test_fixes_are_applied_only_where_they_were_accepted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows, clean = write(tmp_path / "r.jsonl", ROWS), tmp_path / "clean.jsonl"
    before = rows.read_bytes()
    for half in (["--accept", "duplicate"], ["--write", clean]):
        assert call(capsys, "check", rows, *half)[0] == 2 and not clean.exists()
    status, told, _ = call(capsys, "check", rows, "--accept", "contradiction", "e-mail", "--write", clean)
    assert status == 0 and "9 rows. Rows that each fix took: contradiction 2, e-mail 1." in " ".join(told.split())
    left = read_rows([clean.read_bytes()], "clean", blank=True).rows
    assert [row.text for row in left] == [
        *(row["request"] for row in ROWS[:3]),
        "My address is [e-mail], where is the mug?",
        *(row["request"] for row in ROWS[6:]),
    ]
    assert rows.read_bytes() == before
    assert call(capsys, "check", rows, "--accept", "all", "--write", clean)[0] == 2  # nothing is written over
    assert call(capsys, "check", rows, "--accept", "duplicate", "--write", tmp_path / "still.jsonl")[0] == 1  # they contradict as before
    status, told, _ = call(capsys, "check", rows, "--accept", "all", "--write", tmp_path / "all.jsonl", "--json")
    assert status == 0 and json.loads(told)["written"][str(tmp_path / "all.jsonl")] == {
        "rows": 6,
        **dict.fromkeys(json.loads(told)["written"][str(tmp_path / "all.jsonl")].keys() - {"rows"}, 0),
        **{"contradiction": 2, "card-number": 1, "e-mail": 1, "empty-answer": 1, "duplicate": 1, "near-duplicate": 1},
    }


def test_rows_that_are_measured_on_or_shown_or_voted_on_are_refused_with_the_other_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    example = load_recipe("house").examples[0].user
    rows = write(tmp_path / "r.jsonl", [*ROWS[8:], {"request": f"{example} Please.", "answer": "payment"}])
    tests = write(tmp_path / "t.jsonl", [{"request": "x"}, {"request": "How do I pay by card"}])
    status, told, _ = call(capsys, "check", rows, "--recipe", "house", "--against", tests, "--json")
    findings = {finding["kind"]: finding for finding in json.loads(told)["findings"] if finding["wrong"]}
    assert status == 1 and findings["test-row"]["lines"] == [1] and findings["test-row"]["where"] == f"line 2 of {tests}"
    assert findings["example"]["lines"] == [4] and findings["example"]["where"] == "example 1 of the recipe house"
    mine = write(tmp_path / "own.jsonl", [{**row, "role": "test"} for row in ROWS[8:9]])
    assert call(capsys, "check", mine, "--against", tests)[0] == 0  # a test row may be the test row that it is


async def test_requests_that_were_voted_on_are_evidence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from bot.views import Choice
    from tests.bot.scripted import answered, cast, scripted_app

    async with scripted_app(tmp_path / "s") as (app, _):
        for request in ("How do I pay by card?", "May I send the mug back?"):
            view = await answered(app, request)
            if request.startswith("How"):
                await cast(app, view.id, "ann", Choice.LEFT)
    rows = write(tmp_path / "r.jsonl", ROWS[7:])
    status, told, _ = await asyncio.to_thread(call, capsys, "check", rows, "--store", tmp_path / "s", "--json")
    assert status == 1 and found(told)["evidence"] == [[2]]
    assert (await asyncio.to_thread(call, capsys, "check", rows, "--store", tmp_path / "none"))[0] == 2


def test_one_request_in_two_roles_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = write(tmp_path / "r.jsonl", [{**ROWS[0], "role": "train"}, {**ROWS[2], "role": "test"}, *ROWS[8:]])
    status, told, _ = call(capsys, "check", rows, "--json")
    assert status == 1 and found(told)["two-roles"] == [[1, 2]] and json.loads(told)["split"] is None
    status, _, error = call(capsys, "split", rows)
    assert status == 2 and "Line 2 has the role test, and line 1, nearly the same request, has the role train" in error


def test_a_split_is_written_and_read_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = write(tmp_path / "r.jsonl", [{"request": f"What about number {n} of {n * 7919}?", "answer": "abc"[n % 3]} for n in range(400)])
    status, told, _ = call(capsys, "split", rows, "--write", tmp_path / "s.jsonl")
    read = read_rows([(tmp_path / "s.jsonl").read_bytes()], "s").rows
    assert status == 0 and sum(row.role == "test" for row in read) >= 100 and "near-duplicates stay together" in told
    status, told, _ = call(capsys, "split", tmp_path / "s.jsonl", "--write", tmp_path / "again.jsonl")
    assert "400 of them have their role from the file" in told
    assert (tmp_path / "again.jsonl").read_text() == (tmp_path / "s.jsonl").read_text()
    assert call(capsys, "split", rows, "--shares", "80,10,10")[0] == 0
    with pytest.raises(SystemExit):
        call(capsys, "split", rows, "--shares", "80,10,20")


def test_rows_that_are_too_long_for_the_base_are_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = write(tmp_path / "r.jsonl", [{"request": "lamp " * 3000, "answer": "yes, it is"}, {"request": "b", "answer": "no, " * 300}])
    status, told, _ = call(capsys, "check", rows, "--base", "demo", "--json")
    assert status == 0 and found(told)["too-long"] == [[1], [2]] and "2,048 tokens" in json.loads(told)["findings"][0]["where"]
    assert call(capsys, "check", rows, "--base", str(tmp_path))[0] == 2


def test_classes_are_whole_answers_or_a_field_of_json() -> None:
    assert not classes_of(["a text", "another one", "a third"] * 2).closed
    assert classes_of(["yes", "no", "No "] * 3).counts == {"yes": 3, "no": 6}
    triage = [json.dumps({"team": team, "note": f"note {n}"}) for n in range(6) for team in ("cards", "top up")]
    assert classes_of(triage).field == "team" and classes_of(triage).counts == {"cards": 6, "top up": 6}
    assert canonical('{"a": 1, "b": 2}') == canonical('{"b":2,\n"a":1}') and canonical("{oh") == "{oh"
