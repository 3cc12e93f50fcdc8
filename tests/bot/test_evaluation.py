"""Evaluation sets: rows checked whole, metrics against hand-made examples, a run that goes on where it stopped, its place on the card."""

import asyncio
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bot.__main__ import main
from bot.evaluation.rows import read_rows, without_seen
from bot.verdict.figures import offline_words
from bot.verdict.offline import paired
from engine import lineup as lineups
from engine.backends.base import Prompt
from engine.backends.scripted import Script, ScriptedBackend
from engine.contestants import Adapter, Arm, Base, Contestant
from engine.errors import BackendError, BadRequest
from engine.lineup import Lineup
from engine.metrics import Expected, exact_match, json_valid, rubric, score, token_f1
from engine.recipes import load_recipe
from engine.schema import Undecided, check_schema, fits
from engine.settings import EngineSettings
from engine.trained_on import TrainedOn
from tests.bot.scripted import is_tuned, lineup_over, scripted_app
from tests.patience import patient


def test_exact_match_and_f1_look_at_words() -> None:
    assert exact_match("The answer: 42!", "answer 42") == 1 and exact_match("42", "43") == 0
    assert token_f1("the cat sat down", "a cat sat") == pytest.approx(4 / 5)  # 2 shared of 3 and 2
    assert token_f1("", "") == 1 and token_f1("", "cat") == 0 and token_f1("cat cat", "cat") == pytest.approx(2 / 3)


def test_json_and_rubric() -> None:
    schema = {
        "type": "object",
        "properties": {"total": {"type": "integer", "minimum": 0}},
        "required": ["total"],
        "additionalProperties": False,
    }
    good, bad = ('{"total": 3}', '```json\n{"total": 3}\n```'), ('{"total": -3}', '{"total": 3, "x": 1}', "3", "{")
    for text, right in [*((text, 1) for text in good), *((text, 0) for text in bad)]:
        assert json_valid(text, schema) == right
    assert rubric("We offer a\nREFUND today", ("a refund", "sorry"), ("as an AI",)) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("value", "schema", "right"),
    [
        (3.0, {"type": "integer"}, True),
        (True, {"type": "number"}, False),
        ([1, "a"], {"items": {"type": ["integer", "string"]}, "maxItems": 2}, True),
        ("abc", {"pattern": "^a", "maxLength": 2}, False),
        (None, {"anyOf": [{"type": "null"}, {"const": 1}]}, True),
        ({"a": 1}, {"additionalProperties": {"type": "string"}}, False),
        (5, {"enum": [5, 6], "maximum": 5}, True),
        (1, True, True),
        ({"a": {"a": {}}}, {"additionalProperties": {"$ref": "#"}, "type": "object"}, True),
        (3, {"oneOf": [{"minimum": 1}, {"multipleOf": 3}]}, False),
    ],
)
def test_a_value_fits_its_schema_or_not(value: Any, schema: Any, right: bool) -> None:
    check_schema(schema)
    assert fits(value, schema) is right


@pytest.mark.parametrize("schema", [{"$ref": "#/nowhere"}, {"$ref": "http://127.0.0.1:1/x"}, {"type": "text"}, 3, {"properties": []}])
def test_what_is_no_schema_or_leads_out_of_it_is_refused(schema: Any) -> None:
    with pytest.raises(BadRequest):
        check_schema(schema)


def test_a_row_uses_the_metrics_that_it_gives_parts_for() -> None:
    assert score("Yes", Expected(reference=("no", "yes"))) == {"exact match": 1, "token F1": 1}
    assert score("", Expected(required=("x",), forbidden=("y",))) == {"rubric": 0.5}


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("nonsense", "Line 2 .* is not JSON"),
        ('{"reference": "x"}', "Line 2 .*request"),
        ('{"request": "x"}', "expects nothing"),
        ('{"request": " ", "reference": "x"}', "empty"),
        ('{"request": "x", "reference": 3}', "reference must be text"),
        ('{"request": "x", "pattern": "("}', "no regular expression"),
        ('{"request": "x", "reference": "x", "tags": "' + "t" * 41 + '"}', "Line 2 .*at most 40"),
        ('{"id": 1, "request": "x", "reference": "x"}', "has the id 1 of line 1"),
        ('{"request": "x", "required": " "}', "required must be text"),
        ('{"request": "x", "schema": "{"}', "schema is not JSON"),
        ('{"request": "x", "schema": {"$ref": "#/x"}}', "is not in it"),
    ],
)
def test_a_file_is_checked_whole_before_anything_runs(line: str, why: str) -> None:
    good = b'{"id": 1, "request": "Hello?", "reference": "hi"}'
    with pytest.raises(BadRequest, match=why):
        read_rows([good, line.encode()], "rows.jsonl")
    assert read_rows([good, b"", b'{"request": "x", "reference": ["a", "b"], "tags": "t"}'], "r").rows[1].id == "2"


def test_rows_that_a_side_was_made_with_are_left_out_with_their_lines() -> None:
    house, base = load_recipe("house"), Base("b", "1", 100, 10)
    adapter = Adapter("shop", "1", "", "0", trained_on=TrainedOn.of(["Where is my parcel?"]) | TrainedOn.of(["Norway?"], "test"))
    sides = (Contestant(Arm.PROMPTED, house, None, base), Contestant(Arm.TUNED, load_recipe("plain"), adapter, base))
    requests = ["Where is my parcel?!", "Norway?", house.examples[0].user.upper(), "Is it blue?"]
    lines = [json.dumps({"request": text, "reference": "x"}).encode() for text in requests]
    rows = read_rows(lines, "r.jsonl")
    left, told = without_seen(rows, sides)
    assert [row.asked.line for row in left.rows] == [2, 4] and left.id != rows.id
    assert told.startswith("2 of 4 rows are left out") and "line 1 is trained on (the training of the adapter shop)" in told
    assert f"line 3 is an example that the prompt shows (example 1 of the recipe {house.name})" in told
    assert without_seen(left, sides) == (left, "")
    with pytest.raises(BadRequest, match=r"No row of r\.jsonl is left"):
        without_seen(read_rows(lines[:1], "r.jsonl"), sides)


def test_the_same_rows_are_the_same_set_in_every_form_of_file() -> None:
    lines = b'{"request": "a", "reference": "b", "tags": "t"}\n'
    lines += b'{"messages": [{"role": "user", "content": "c"}, {"role": "assistant", "content": "d"}]}'
    sets = [
        read_rows([lines], "x"),
        read_rows([b'[{"text":"a","answer":["b"],"tags":["t"]},{"id":2,"prompt":"c","completion":"d"}]'], "y"),
        read_rows([b"id,prompt,completion,tags,note\n1,a,b,t,n\n2,c,d,,"], "z"),
    ]
    assert len({each.id for each in sets}) == 1 and [each.unused for each in sets] == [(), (), ("note",)]
    [with_schema] = read_rows([b'request,schema\na,"{""type"": ""object""}"'], "x").rows
    assert with_schema.expected.schema == {"type": "object"}


SAME = [
    ("答案是微调。", "答案是微调"),
    ("Don’t fine-tune.", "Don't fine-tune"),
    ("“Prompt”", "prompt"),
    ("«Oui»", "oui"),
    ("café", "¿café?"),
    ("cafe\u0301", "café"),
    ("ＧＰＴ！", "gpt"),
    ("مرحبا؟", "مرحبا"),
    ("नमस्ते।", "नमस्ते"),
    ("ไม่ใช่", "ไม่ ใช่"),
    ("データベース。", "データベース"),
    ("soft\u00adhyphen\u200b", "softhyphen"),
    ("STRASSE", "Straße"),
    ("\u22125", "-5"),
    ("½", "1/2"),
    ("´a` or ‘b’", "'a' or 'b'"),
    ("C’est ça…", "c'est ça"),
]
OTHER = [("-5", "5"), ("€5", "5"), ("=>", "<="), ("?", "!"), ("the", "a"), ("是", "否"), ("yes 👍", "yes"), ("3.5", "35"), ("cafe", "café")]


def test_where_rows_have_roles_those_for_testing_are_asked() -> None:
    lines = [b'{"id": "a", "request": "x", "answer": "y"}', b'{"id": "b", "request": "z", "answer": "y", "role": "train"}']
    chosen = read_rows(lines, "rows")
    assert [row.id for row in chosen.rows] == ["a"] and chosen.left_out == 1 and chosen.unused == ()
    assert chosen.id == read_rows(lines[:1], "rows").id, "the set is what is asked"
    with pytest.raises(BadRequest, match="no row of the role test"):
        read_rows(lines[1:], "rows")


def test_words_are_told_in_every_script() -> None:
    for said, reference in SAME:
        assert exact_match(said, reference) == exact_match(reference, said) == token_f1(said, reference) == 1, (said, reference)
    for said, reference in OTHER:
        assert exact_match(said, reference) == exact_match(reference, said) == 0, (said, reference)
    assert token_f1("建议使用提示词", "使用提示词") == pytest.approx(2 * 5 / 12)  # characters
    assert token_f1("用GPT模型", "GPT模型") == pytest.approx(2 * 3 / 7)  # 用 gpt 模 型
    assert token_f1("ฉันรักเธอ", "รัก") > 0.4  # letters with their marks
    assert rubric("Don’t “worry”", ("don't", '"worry"'), ("DON'T",)) == pytest.approx(2 / 3)


def test_a_number_that_is_none_is_no_json() -> None:
    assert json_valid('{"a": NaN}', {}) == json_valid("Infinity", {}) == json_valid("1e999", {}) == json_valid('{"a":1,"a":2}', {}) == 0
    assert json_valid('{"a": 1.5}', {"type": "object"}) == 1


SLOW = "^(a|aa|aaa)+$"
BOMB = {"$defs": {"d0": {}, **{f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n - 1}"}] * 2} for n in range(1, 40)}}, "$ref": "#/$defs/d39"}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (BOMB, {}),
        ({"$ref": "#"}, 1),
        ({"pattern": SLOW}, "a" * 60 + "b"),
        ({"patternProperties": {SLOW: {}}}, {"a" * 60 + "b": 1}),
        ({"patternProperties": {SLOW: {}}, "additionalProperties": False}, {"a" * 60 + "b": 1}),
        ({"multipleOf": 0.1}, 10**400),
    ],
    ids=["doubling", "endless", "pattern", "properties", "additional", "huge"],
)
def test_a_schema_that_takes_too_long_decides_nothing(schema: Any, value: Any) -> None:
    check_schema(schema)
    began = time.process_time()
    with pytest.raises(Undecided):
        fits(value, schema)
    assert time.process_time() - began < patient(1)


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"$schema": "http://example.org/mine"}, "no known draft"),
        ({"$schema": [1]}, "no known draft"),
        ({"pattern": "("}, "wrong at pattern"),
        ({"pattern": "a{99999}"}, "longer than"),
        ({"patternProperties": {"a": {}}, "unevaluatedProperties": False}, "not understood"),
        ({"$dynamicRef": "#nowhere"}, "not in it"),
        ({"$ref": "http://["}, "not in it"),
    ],
)
def test_a_schema_that_cannot_be_followed_is_refused(schema: Any, why: str) -> None:
    with pytest.raises(BadRequest, match=why):
        check_schema(schema)


def test_properties_by_pattern_are_no_additional_ones() -> None:
    schema = {"properties": {"a": {}}, "patternProperties": {"^x": {"type": "integer"}}, "additionalProperties": False}
    check_schema(schema)
    assert [fits(value, schema) for value in ({"a": 1, "x1": 2}, {"x1": "2"}, {"b": 1}, {})] == [True, False, False, True]
    assert fits({"b": 1}, schema | {"additionalProperties": {"type": "integer"}})
    assert fits({"type": "object"}, {"$schema": "http://json-schema.org/draft-07/schema#", "required": ["type"]})


def test_a_slow_pattern_leaves_its_metric_out_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    [row] = read_rows([json.dumps({"request": "x", "pattern": SLOW, "reference": "b"}).encode()], "r").rows
    assert score("a" * 60 + "b", row.expected) == {"exact match": 0, "token F1": 0}
    assert "takes longer than 0.5 s" in caplog.text
    assert score("aaa", row.expected)["pattern"] == 1


def test_differences_are_paired_with_intervals() -> None:
    [line] = paired({"exact match": [(0.0, 1.0)] * 30 + [(1.0, 1.0)] * 60 + [(1.0, 0.0)] * 10})
    assert line.scores == pytest.approx((0.7, 0.9)) and line.difference == pytest.approx(0.2)
    assert line.interval and 0.05 < line.interval.low < 0.1 and 0.28 < line.interval.high < 0.35  # a normal one: 0.08 to 0.32


@pytest.mark.parametrize(("rows", "width"), [(10, (0.4, 0.6)), (100, (0.04, 0.06)), (1000, (0.004, 0.006))])
def test_equal_rows_have_an_interval_that_is_no_point(rows: int, width: tuple[float, float]) -> None:
    [line] = paired({"pattern": [(0.5, 0.5)] * rows})
    assert line.interval and line.difference == 0 and line.interval.low == pytest.approx(-line.interval.high, abs=1e-9)
    assert width[0] < line.interval.high - line.interval.low < width[1]


def test_fewer_than_ten_rows_have_a_difference_and_no_interval() -> None:
    [line] = paired({"pattern": [(0.0, 1.0)] * 9})
    assert (line.difference, line.interval, line.why) == (1, None, "an interval is shown from 10 rows on")
    assert offline_words(line)[3] == "+100.0%; an interval is shown from 10 rows on, 9 rows"
    assert paired({"pattern": []}) == ()


def test_the_interval_of_differences_holds_the_truth_in_19_of_20() -> None:
    rng, held = np.random.default_rng(3), []
    for _ in range(300):
        gaps = rng.choice([-1.0, 0.0, 1.0], size=40, p=[0.1, 0.8, 0.1])
        [line] = paired({"pattern": [(0.0, gap) if gap >= 0 else (1.0, 0.0) for gap in gaps]})
        assert line.interval
        held.append(line.interval.low <= 0 <= line.interval.high)
        assert line.interval.low <= line.difference <= line.interval.high
    assert np.mean(held) >= 0.95


REFERENCES = ("prompted says hi", "tuned says hello")


def rows_file(folder: Path, count: int) -> Path:
    rows = [{"id": n, "request": f"Question {n}?", "reference": REFERENCES[n % 2], "tags": ["odd"] * (n % 2)} for n in range(count)]
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A scripted model in place of the real one; the requests that it is asked. "Question 7" breaks the tuned side."""
    requests: list[str] = []

    def script(prompt: Prompt) -> Script:
        requests.append(prompt.messages[-1].content)
        if is_tuned(prompt):
            return Script(("tuned says hello",), error=BackendError("server", "Gone.") if "7" in requests[-1] else None)
        return Script(("prompted says hi",))

    async def opened(settings: EngineSettings, say: object = None) -> Lineup:
        return lineup_over(ScriptedBackend(script))

    monkeypatch.setattr(lineups, "open_lineup", opened)
    return requests


async def test_a_run_goes_on_where_it_stopped_and_stands_on_the_card(
    tmp_path: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DUEL_STORE_PATH", str(tmp_path / "s"))
    path = rows_file(tmp_path, 10)

    def call(*more: str) -> int:
        return main(["evaluate", "--file", str(path), *more])

    assert await asyncio.to_thread(call, "--json") == 1  # question 7 has failed
    table = json.loads(capsys.readouterr().out)
    assert len(asked) == 20 and table["rows"] == 10
    assert table["sides"]["prompted"]["scores"]["exact match"] == 0.5 and table["sides"]["tuned"]["scores"]["exact match"] == 0.4
    assert table["sides"]["tuned"]["failed"] == 1 and table["sides"]["prompted"]["usd_per_1000"] >= 0
    overall, odd = table["differences"]
    assert overall["metrics"][0]["difference"] == pytest.approx(-0.1) and overall["metrics"][0]["rows"] == 10
    assert odd["tag"] == "odd" and odd["metrics"][0]["difference"] == pytest.approx(0.8)
    assert await asyncio.to_thread(call) == 1
    assert len(asked) == 21 and asked[-1] == "Question 7?" and "tuned against prompted" in capsys.readouterr().out
    async with scripted_app(tmp_path / "s") as (app, _):
        found = await app.judging.verdict()
        assert [line.metric for line in found.offline] == ["exact match", "token F1"] and found.duels == 0
        purpose = next(aspect for aspect in found.aspects if aspect.name == "purpose")
        assert [figure.value for figure in purpose.side(1) if figure.label == "offline exact match"] == [0.4]
        assert replace(found, words="") != found


async def test_a_row_that_was_kept_is_not_asked_again_after_a_break(
    tmp_path: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from bot.evaluation import run

    monkeypatch.setenv("DUEL_STORE_PATH", str(tmp_path / "s"))
    path, real = rows_file(tmp_path, 6), run._scored

    def breaks(row: Any, contestant: Any, outcome: Any) -> Any:
        if row.id == "4":
            raise BadRequest("The machine was switched off.")
        return real(row, contestant, outcome)

    monkeypatch.setattr(run, "_scored", breaks)
    monkeypatch.setenv("DUEL_MAX_ROWS", "2")
    assert await asyncio.to_thread(main, ["evaluate", "--file", str(path)]) == 2
    assert "switched off" in capsys.readouterr().err
    before = len(asked)
    monkeypatch.setattr(run, "_scored", real)
    assert await asyncio.to_thread(main, ["evaluate", "--file", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sides"]["tuned"]["rows"] == 6
    assert sorted(set(asked[before:])) == ["Question 4?", "Question 5?"]


async def test_a_row_that_failed_is_asked_again_and_its_answer_replaces_the_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken, asked = [True], list[str]()

    def script(prompt: Prompt) -> Script:
        asked.append(prompt.messages[-1].content)
        return Script(("tuned says hello",), error=BackendError("crashed", "Out of memory.") if broken[0] and "1" in asked[-1] else None)

    async def opened(settings: EngineSettings, say: object = None) -> Lineup:
        return lineup_over(ScriptedBackend(script))

    monkeypatch.setattr(lineups, "open_lineup", opened)
    monkeypatch.setenv("DUEL_STORE_PATH", str(tmp_path / "s"))
    call = ["evaluate", "--file", str(rows_file(tmp_path, 3)), "--json", "--show"]
    assert await asyncio.to_thread(main, call) == 1
    table = json.loads(capsys.readouterr().out)
    assert [side["failed"] for side in table["sides"].values()] == [1, 1]
    assert table["answers"][1]["answers"]["tuned"] == {"text": "", "failure": "Out of memory.", "scores": {"exact match": 0, "token F1": 0}}
    broken[0] = False
    asked.clear()
    assert await asyncio.to_thread(main, call) == 0
    table = json.loads(capsys.readouterr().out)
    assert asked == ["Question 1?"] * 2
    assert [(side["failed"], side["rows"]) for side in table["sides"].values()] == [(0, 3)] * 2
    assert table["answers"][1]["answers"]["tuned"]["scores"]["exact match"] == 1


def test_answers_are_shown_beside_references_on_eighty_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def opened(settings: EngineSettings, say: object = None) -> Lineup:
        return lineup_over(ScriptedBackend(lambda prompt: Script(("\x1b[2Jfine [b]word[/b] " + "long " * 40,))))

    monkeypatch.setattr(lineups, "open_lineup", opened)
    monkeypatch.setenv("DUEL_STORE_PATH", str(tmp_path / "s"))
    monkeypatch.setenv("COLUMNS", "80")
    row = {"id": "first", "request": "What\nnow?", "reference": ["a \x07 reference", "or this"], "required": "fine", "colour": "red"}
    (tmp_path / "rows.jsonl").write_text(json.dumps(row))
    assert main(["evaluate", "--file", str(tmp_path / "rows.jsonl"), "--show"]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0] == "first  What now?" and max(map(len, lines)) <= 80
    assert [line.split()[0] for line in lines[1:4]] == ["reference", "reference", "required"]
    assert "\x1b" not in out and "\x07" not in out and "fine [b]word[/b]" in out and "rubric 100%" in out
    assert any(line.startswith("tuned against prompted") for line in lines) and "Not used in" in err and "colour" in err
