"""The one reader of rows: three forms of a file, keys that mean the same, chats, and a sentence with its line for everything else."""

import json
import time
from typing import Any

import pytest

from engine.errors import BadRequest
from engine.request import Turn
from engine.rows import Row, Rows, read_rows
from tests.patience import patient


def rows_of(text: str | bytes, *more: str) -> Rows:
    return read_rows([text if isinstance(text, bytes) else text.encode()], "rows", more=more)


FORMS = {
    "lines": '{"id": "a", "request": "Höw?\\nSo", "answer": "x", "tags": ["t", "u"]}\n\n{"text": "Why, \\"you\\"?", "completion": "y"}\n',
    "lines of Windows": '\ufeff{"id": "a", "prompt": "Höw?\\nSo", "reference": "x", "tags": ["t", "u"]}\r\n\r\n'
    '{"request": "Why, \\"you\\"?", "reference": ["y"]}\r\n',
    "array": '\n[ {"id": "a", "request": "Höw?\\nSo", "reference": "x", "tags": ["t", "u"]},\n'
    '{"request": "Why, \\"you\\"?", "answer": "y"}\n]\n',
    "csv": '\ufeffid,Request,reference,tags\r\na,"Höw?\nSo",x,"t, u"\r\n,,,\r\n\r\n,"Why, ""you""?",y,\r\n',
    "csv with semicolons": 'id;text;answer;tags\na;"Höw?\nSo";x;t,u\n;"Why, ""you""?";y;\n',
    "csv with tabs": 'prompt\tid\tcompletion\ttags\n"Höw?\nSo"\ta\tx\tt;u\n"Why, ""you""?"\t\ty\t\n',
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_file_gives_the_same_rows(form: str) -> None:
    first, second = rows_of(FORMS[form]).rows
    assert (first.id, first.text, first.references, first.tags) == ("a", "Höw?\nSo", ("x",), ("t", "u"))
    assert (second.id, second.text, second.references, second.tags) == (2, 'Why, "you"?', ("y",), ())


def test_lines_come_as_a_file_gives_them_or_without_their_ends() -> None:
    lines = [b'{"request": "a"}', b'{"request": "b"}']
    assert read_rows(lines, "f").rows == read_rows([line + b"\n" for line in lines], "f").rows
    assert [row.text for row in rows_of('{"request": "ü"}\n{"request": "x"}'.encode("utf-16")).rows] == ["ü", "x"]
    assert [row.text for row in rows_of('"one"\n"two, or \\"three\\""').rows] == ["one", 'two, or "three"']
    assert [row.text for row in rows_of("request\nWhat?\n").rows] == ["What?"]


def chat(*turns: tuple[str, Any], **more: Any) -> str:
    return json.dumps({"messages": [{"role": role, "content": content} for role, content in turns]} | more)


def test_messages_are_taken_apart() -> None:
    parts = [{"type": "text", "text": "And "}, {"type": "text", "text": "then?"}]
    [row] = rows_of(chat(("system", "Be brief."), ("user", "a"), ("assistant", "b"), ("user", parts), ("assistant", "c"))).rows
    assert row == Row(1, "And then?", (Turn("user", "a"), Turn("assistant", "b")), ("c",), (), "Be brief.", {}, 1)
    [row] = rows_of(chat(("user", "a"), id=7, reference="r", history=None)).rows
    assert (row.id, row.text, row.history, row.references) == (7, "a", (), ("r",))


def test_the_forms_of_alpaca_and_sharegpt_are_rows() -> None:
    alpaca = {"instruction": "Translate.", "input": "Guten Tag", "output": "Good day"}
    shared = {
        "conversations": [
            {"from": "system", "value": "Be brief."},
            *({"from": who, "value": said} for who, said in (("human", "a"), ("gpt", "b"), ("user", "And then?"), ("chatgpt", "c"))),
        ],
        "source": "x",
    }
    lines = "\n".join(json.dumps(row) for row in (alpaca, alpaca | {"input": " ", "output": None}, shared))
    first, second, third = rows_of(lines).rows
    assert (first.text, first.references, second.text, second.references) == (
        "Translate.\n\nGuten Tag",
        ("Good day",),
        "Translate.",
        (),
    )
    assert (third.text, third.history, third.references) == ("And then?", (Turn("user", "a"), Turn("assistant", "b")), ("c",))
    assert third.system == "Be brief." and rows_of(lines).unused("text", "reference", "input", "system") == ("source",)
    [row] = rows_of("Instruction,Input,Output\nTranslate.,Guten Tag,Good day\n").rows
    assert (row.text, row.references) == (first.text, first.references)
    assert rows_of(json.dumps([shared])).rows[0].history == third.history


def test_keys_of_other_forms_speak_only_where_no_key_of_ours_says_the_request() -> None:
    file = rows_of('{"request": "a", "instruction": "b", "input": "c", "output": "d", "conversations": [], "answer": "e"}')
    assert (file.rows[0].text, file.rows[0].references) == ("a", ("e",))
    assert file.unused("text", "reference") == ("instruction", "input", "output", "conversations")


def test_an_empty_answer_is_let_through_for_those_who_look_for_it() -> None:
    [row] = read_rows([b'{"request": "a", "answer": ""}'], "f", blank=True).rows
    assert row.references == ("",)


def test_what_is_not_used_is_named_once_in_the_order_of_its_coming() -> None:
    file = rows_of('{"request": "a", "colour": 1, "answer": "b"}\n{"text": "a", "pattern": "x", "colour": 2, "size": 3}', "pattern")
    assert file.unused("text", "id") == ("colour", "answer", "pattern", "size")
    assert file.unused("text", "id", "reference", "pattern") == ("colour", "size")
    assert file.rows[1].more == {"pattern": "x"}
    told = rows_of('{"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u", "weight": 1}]}').unused("text")
    assert told == ("system texts of messages", "weight of messages")
    assert rows_of(",request\n0,a\n").unused("text") == ("column 1 without a name",)


BAD = {
    "two requests": ('{"request": "a", "text": "b"}', "Line 1 of rows has request and text, which mean the same"),
    "two references": ('{"request": "a", "answer": "b", "completion": "b"}', "has answer and completion, which mean the same"),
    "a doubled key": (
        '{"request": "a"}\n{"request": "a", "request": "b"}',
        "Line 2 of rows cannot be taken. It holds the key 'request' twice",
    ),
    "no number": ('{"request": "a", "x": NaN}', "is not JSON. It holds NaN"),
    "no number either": ('{"request": "a", "x": -Infinity}', "is not JSON. It holds -Infinity"),
    "a number beyond floats": ('{"request": "a", "x": 1e999}', "a number that is too large"),
    "a number beyond reading": ('{"request": "a", "x": ' + "9" * 5000 + "}", "a number that is too long"),
    "deep nesting": ('{"request": "a", "x": ' + "[" * 100 + "]" * 100 + "}", "is nested too deeply"),
    "no request": ('{"id": 1}', "holds no request: it lacks text, as request, text, prompt, messages, conversations or instruction"),
    "a request that says nothing": ('{"request": null}', "holds no request"),
    "an id of another kind": ('{"request": "a", "id": 1.5}', "id must be text or a whole number"),
    "an id twice": ('{"id": "1", "request": "a"}\n\n{"id": 1, "request": "b"}', "Line 3 of rows has the id 1 of line 1"),
    "an id twice on one line": ('[{"id": 1, "request": "a"}, {"id": 1, "request": "b"}]', "has the id 1 of line 1"),
    "an id that a row has as its number": ('{"id": 2, "request": "a"}\n{"request": "b"}', "Line 2 of rows has the id 2 of line 1"),
    "tags of another kind": ('{"request": "a", "tags": [1]}', "tags must be text or a list of texts"),
    "an empty reference": ('{"request": "a", "answer": ""}', "answer must be text"),
    "half a character": ('{"request": "a", "answer": "\\ud800"}', "answer must be text"),
    "an array that ends early": ('[{"request": "a"},\n{"request": "b"}\n', "Line 2 of rows is not JSON. After it a comma"),
    "an array with a comma too many": ('[{"request": "a"},\n]', "Line 2 of rows is not JSON"),
    "an array and more": ('[{"request": "a"}]\n{"request": "b"}', "The list ends there, and more follows"),
    "one object over several lines": ('{\n"request": "a"\n}', "Line 1 of rows is not JSON"),
    "neither": ("hello\nyou", "A CSV begins with a line that names its columns, one of them request"),
    "a column twice": ("request,Request\na,b", "Line 1 of rows names the column 'request' twice"),
    "too many cells": ("request,answer\na,b\nWell, then,c", "Line 3 of rows has 3 cells, and the first line names 2 columns"),
    "an open quote": ('request\n"a\nb', "Line 2 of rows is not CSV"),
    "a history that is no JSON": ('request,history\na,"[oh"', "Line 2 of rows: history is not JSON"),
    "nothing": ("\n \n", "rows holds no requests"),
    "heads alone": ("request,answer\n", "rows holds no requests"),
    "no text": (b'{"request": "a"}\n{"request": "\xfc"}', "Line 2 of rows is not UTF-8 text"),
    "a chat that ends with the system": (chat(("user", "a"), ("system", "b")), "message 2 is the system's"),
    "a chat without a user": (chat(("assistant", "a")), "messages must end with a user's turn"),
    "two answers at the end": (chat(("user", "a"), ("assistant", "b"), ("assistant", "c")), "messages must end with a user's turn"),
    "a role that is none": (chat(("tool", "a")), "must have the role system, user or assistant, not 'tool'"),
    "a picture": (chat(("user", [{"type": "image_url"}])), "message 1 must have text as its content"),
    "a call of a tool": ('{"messages": [{"role": "assistant", "content": null, "tool_calls": [1]}]}', "message 1 calls a tool"),
    "no chat": ('{"messages": "a"}', "messages must be a list"),
    "a chat beside its answer": (chat(("user", "a"), ("assistant", "b"), answer="c"), "has answer beside messages"),
    "an input that is no text": ('{"instruction": "a", "input": 1}', "input must be text"),
    "two answers of an alpaca row": ('{"instruction": "a", "output": "b", "answer": "c"}', "has output and answer, which mean the same"),
    "a sharegpt tool": ('{"conversations": [{"from": "observation", "value": "1"}]}', "message 1 calls a tool"),
    "a sharegpt speaker": ('{"conversations": [{"from": "me", "value": "1"}]}', "message 1 must be from human, gpt or system, not 'me'"),
    "a sharegpt without text": ('{"conversations": [{"from": "human"}]}', "message 1 must have text as its value"),
    "no sharegpt": ('{"conversations": {}}', 'conversations must be a list of {"from": "...", "value": "..."}'),
    "a sharegpt chat beside its answer": (
        '{"conversations": [{"from": "human", "value": "1"}, {"from": "gpt", "value": "2"}], "answer": "3"}',
        "has answer beside conversations",
    ),
    "a chat beside its history": (chat(("user", "a"), history=[]), "has history beside messages"),
}


@pytest.mark.parametrize(("content", "words"), BAD.values(), ids=BAD.keys())
def test_whatever_else_is_a_sentence_with_its_line(content: str | bytes, words: str) -> None:
    with pytest.raises(BadRequest) as caught:
        rows_of(content)
    assert words in caught.value.words


@pytest.mark.parametrize("form", ["lines", "array", "csv"])
def test_tens_of_thousands_of_rows_take_a_second(form: str) -> None:
    rows = [{"id": number, "request": f"Question {number}, please?", "reference": "x" * 100} for number in range(30_000)]
    if form == "csv":
        text = "id,request,reference\n" + "".join(f'{row["id"]},"{row["request"]}",{row["reference"]}\n' for row in rows)
    else:
        lines = [json.dumps(row) for row in rows]
        text = "\n".join(lines) if form == "lines" else "[" + ",\n".join(lines) + "]"
    began = time.process_time()
    assert rows_of(text).rows[-1].id in (29_999, "29999")
    assert time.process_time() - began < patient(5)  # .6 to .9 CPU seconds on the machine it was written on


def test_a_row_may_say_what_it_is_for() -> None:
    file = rows_of("request,Role\na,train\nb,Test\nc,\nd,dev\n")
    assert [row.role for row in file.rows] == ["train", "test", "", "dev"]
    assert [row.text for row in file.of_role("test")] == ["b", "c"] and file.unused("text", "role") == ()
    with pytest.raises(BadRequest, match="Line 2 of rows: role is 'judge' and must be one of train, example, dev, test"):
        rows_of("request,role\na,judge\n")
