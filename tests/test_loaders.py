"""Every loader of a file that people write: any bytes give a value or a sentence, never a traceback, and never more than a second."""

import json
import logging
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.examples.demo.exchanges import read_rows as read_demo_rows
from bot.evaluation.rows import read_rows as read_evaluation
from bot.settings import Settings
from bot.tags import read_rules
from engine.card import read_card
from engine.contestants import open_adapter
from engine.cost import read_token_prices
from engine.errors import DuelbotError
from engine.metrics import score
from engine.recipes import load_recipe
from engine.rows import read_rows

SECOND = 1.0  # of this process's own time: other work on the machine does not count
RECIPE = (
    b'name = "a"\nversion = "1"\nsystem = "b"\n[[examples]]\nuser = "c"\nassistant = "d"\n[sampling]\ntemperature = 0.5\n'
    b"[chat_template]\nx = 1\n"
)
PRICES = (
    b'source = "a"\ndate = "2026-11-01"\n[[model]]\nname = "demo"\nadapter = false\ninput_usd_per_million = 0.1\n'
    b"cached_usd_per_million = 0\noutput_usd_per_million = 1\n"
)
TAGS = b'[[tag]]\nname = "a"\nwords = ["b", "c d"]\n[[tag]]\nname = \'e\'\npattern = \'^(\\w+,? ?)+[a-z]{2,5}?$\'\n'
ROWS = (
    b'{"id": 1, "request": "a", "reference": ["b"], "tags": ["c"], "history": [{"role": "user", "text": "d"}]}\n'
    b'{"messages": [{"role": "system", "content": "e"}, {"role": "user", "content": "f"}, {"role": "assistant", "content": "g"}]}\n'
)
CSV = b'id,request,reference,history\n1,"a ""b""\nc",d,"[{""role"": ""user"", ""text"": ""e""}]"\n'
EXPECTED = (
    b'{"request": "a", "reference": "b", "pattern": "^\\\\d{2,5}(?:a|b)+$", "required": ["c"], "forbidden": "d", "schema": '
    b'{"type": "object", "properties": {"a": {"pattern": "^x", "minimum": 1.5}}, "patternProperties": {"b": {"$ref": "#"}}, '
    b'"additionalProperties": false, "$defs": {"c": {"enum": [1, null]}}, "anyOf": [{"$ref": "#/$defs/c"}, true]}}\n'
)
CARD = (
    b'{"name": "a", "version": "1", "base": {"name": "b", "revision": "c"}, "recipe": {"name": "plain", "version": "1", "digest": "d"}, '
    b'"training": {"hours": 1}, "figures": {"e": 0.5}, "limits": ["f"]}'
)
CONFIG = b'{"peft_type": "LORA", "r": 8, "lora_alpha": 16, "target_modules": ["q_proj"], "base_model_name_or_path": "demo"}'
ENVIRONMENT = (
    b"# a\nDUEL_BASE_MODEL=demo\nDUEL_THREADS='2'\nexport DUEL_PRICE_DATE=2026-11-01\nDUEL_DEVICE_USD_PER_HOUR=\nDUEL_MAX_ROWS=8\n"
)
DEMO = b'{"id": "a", "kind": "situation", "text": "b", "facts": {}, "rule": 1, "technique": "c"}\n'


def evaluation(path: Path) -> None:
    for row in read_evaluation([path.read_bytes()], "rows").rows:
        score('{"a": 1, "b": "aab12"}', row.expected)


def tags(path: Path) -> None:
    read_rules(str(path)).guess("prompt or tune it now because of cost re " + "a" * 60)


BESIDE = {"adapter_config.json": b"{}", "adapter_model.safetensors": (2).to_bytes(8, "little") + b"{}"}  # weights without a tensor
LOADERS: dict[str, tuple[str, tuple[bytes, ...], Callable[[Path], Any]]] = {
    "recipe": ("a.toml", (RECIPE,), lambda path: load_recipe(str(path)).digest),
    "price list": ("a.toml", (PRICES,), lambda path: read_token_prices(path, "demo")),
    "tag rules": ("a.toml", (TAGS,), tags),
    "rows": ("a.jsonl", (ROWS, CSV, b"[" + ROWS.strip().replace(b"\n", b",") + b"]"), lambda path: read_rows([path.read_bytes()], "rows")),
    "evaluation": ("a.jsonl", (EXPECTED,), evaluation),
    "card": ("card.json", (CARD,), lambda path: read_card(path.parent)),
    "adapter's card": ("card.json", (CARD,), lambda path: open_adapter(path.parent)),
    "adapter's config": ("adapter_config.json", (CONFIG,), lambda path: open_adapter(path.parent)),
    "settings": (".env", (ENVIRONMENT,), lambda path: Settings.read({}, path)),
    "demo rows": ("a.jsonl", (DEMO,), read_demo_rows),
}
NASTY = [
    *(
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\x00",
        b"\xff",
        b"\r\n",
        b"\n",
        b"\\ud800",
        b"\\u0000",
        "½İ\u2028".encode(),
        b"\x1b[2J",
        b"\\",
        b"~x/",
        b"$",
    ),
    *(b"9" * 5000, b"[" * 3000, b'{"a":' * 3000, b"a." * 300, b"(" * 300, b"a = " * 50, b"x" * 3000, b",\n" * 50, b"0" * 400 + b"1"),
    *(
        b"NaN",
        b"-Infinity",
        b"1e999",
        b"inf",
        b"nan",
        b"1979-05-27T07:32:00Z",
        b"2026-13-01",
        b"true",
        b"null",
        b"-1",
        b"0.0",
        b"1e308",
        b"3",
    ),
    *(b'"""', b"'''", b'"', b"'", b"#", b"[[", b"]]", b"{}", b"[]", b"[1]", b'{"a":1,"a":2}', b"=", b".", b",", b";", b"\t", b":", b"a"),
    *(
        b"(?:(?:a{999}){999}){99}",
        b"^(a|aa|aaa)+$",
        b"a{99999}",
        b"(?u)(?a)",
        b"(?P<x>",
        b"\\\\L<x>",
        b"(?R)",
        b"[[:alpha:]--",
        b"(?<=a+)+",
        b"|",
    ),
    *(b'"$ref": "#"', b'"$schema": 5', b'"$id": "http://["', b'"$dynamicRef": "#x"', b'"pattern": "("', b'"request": null', b'"text": "a"'),
    *(
        b"{request}",
        b"{request}{request}",
        b"adaptor = true",
        b"name = 3",
        b"DUEL_THREADS=" + b"9" * 5000,
        b"DUEL_WEB_PORT=nan",
        b"DISCORD_TOKEN=",
    ),
]


@st.composite
def damaged(draw: st.DrawFn, good: tuple[bytes, ...]) -> bytes:
    """A good file with pieces cut out, put in and repeated."""
    text = draw(st.sampled_from(good))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 20)))
        piece = draw(st.one_of(st.sampled_from(NASTY), st.binary(max_size=6), st.just(text[start:end] * 2)))
        text = text[:start] + piece + text[draw(st.sampled_from((start, end))) :]
    return text


@pytest.mark.parametrize("loader", LOADERS)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_bytes_give_a_value_or_a_sentence_within_a_second(loader: str, data: st.DataObject) -> None:
    name, good, load = LOADERS[loader]
    content = data.draw(st.one_of(damaged(good), st.binary(max_size=200), st.sampled_from(NASTY)))
    logging.disable()  # slow patterns say so once each
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            for other, text in BESIDE.items():
                (Path(folder) / other).write_bytes(text)
            path.write_bytes(content)
            began = time.process_time()
            try:
                load(path)
            except DuelbotError as error:
                assert error.words and error.words[-1] in ".)", error.words
                assert len(error.words) < 3000, len(error.words)
            assert time.process_time() - began < SECOND, f"{time.process_time() - began:.1f} s"
    finally:
        logging.disable(logging.NOTSET)


@pytest.mark.parametrize("loader", LOADERS)
def test_a_good_file_is_read(loader: str, tmp_path: Path) -> None:
    name, good, load = LOADERS[loader]
    for other, text in BESIDE.items():
        (tmp_path / other).write_bytes(text)
    for content in good:
        (tmp_path / name).write_bytes(content)
        load(tmp_path / name)


def test_a_file_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    for path in (tmp_path / "none.toml", Path("a\0b.toml"), Path("~nobody-of-this-name/a.toml"), tmp_path):
        for load in (lambda path: read_token_prices(path, "demo"), lambda path: read_rules(str(path)), read_demo_rows):
            with pytest.raises(DuelbotError, match=r"cannot be read"):
                load(path)


def test_the_good_evaluation_is_json_to_begin_with() -> None:
    assert json.loads(EXPECTED)["schema"]["type"] == "object"
