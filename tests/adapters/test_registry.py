"""The registry: which adapter is in use on which base, cards for those from elsewhere, and adapters for other programs."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.__main__ import main
from adapters.export import export_gguf, export_merged, vllm_line
from adapters.registry import find_adapter, list_adapters, remove_adapter, roll_back_adapter, shelves, use_adapter
from engine import chosen
from engine.card import read_card
from engine.contestants import Adapter, open_adapter
from engine.errors import BadAdapter, SettingsError
from engine.lineup import adapter_of, choice_in
from engine.settings import EngineSettings
from engine.shipped import DEMO_ADAPTER
from engine.trained_on import digest
from tests.engine import tiny

Make = Callable[[str, str], Path]


@pytest.fixture
def settings(tmp_path: Path) -> EngineSettings:
    return EngineSettings(base_model="demo", adapters=str(tmp_path / "loras"))


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Make an adapter folder of one's own: the demo's, under another name and with other weights."""

    def made(name: str, version: str) -> Path:
        folder = tmp_path / "loras" / f"{name}-{version}"
        shutil.copytree(DEMO_ADAPTER, folder)
        card = read_card(folder)
        assert card
        replace(card, name=name, version=version).write(folder)
        config = json.loads((folder / "adapter_config.json").read_text())
        (folder / "adapter_config.json").write_text(json.dumps(config | {"revision": f"{name} {version}"}))
        return folder

    return made


def named(adapter: Adapter | None) -> str:
    return str(adapter.named) if adapter else "none"


def test_use_and_rollback_walk_through_what_was_in_use(settings: EngineSettings, make: Make) -> None:
    first, second = make("support", "1"), make("support", "2")
    assert named(adapter_of(settings, choice_in(settings))) == "demo 9", "nobody has chosen"
    use_adapter("support@1", settings)
    use_adapter("support@2", settings)
    use_adapter("support@2", settings)
    assert adapter_of(settings, choice_in(settings)) == open_adapter(second)
    assert [each.version for each in chosen.choices_of(Path(settings.adapters), "demo")] == ["1", "2"], "the same twice is once"
    before = roll_back_adapter(settings)
    assert before and str(before.named) == "support 1" and adapter_of(settings, choice_in(settings)) == open_adapter(first)
    assert roll_back_adapter(settings) is None and named(adapter_of(settings, choice_in(settings))) == "demo 9"
    with pytest.raises(BadAdapter, match="none to go back from"):
        roll_back_adapter(settings)


def test_a_choice_is_of_one_base(settings: EngineSettings, make: Make) -> None:
    make("support", "1")
    use_adapter("support", settings)
    assert choice_in(settings) and choice_in(settings.but({"base_model": "smollm2"})) is None
    with pytest.raises(BadAdapter, match=r"support 1 was trained on base revision c7ef506de51f.*but \S+ is [0-9a-f]{12}"):
        base = tiny.save_base(Path(settings.adapters).with_name("base"))
        use_adapter("support", settings.but({"base_model": str(base)}))


def test_what_the_setting_names_is_in_use_and_nothing_else(settings: EngineSettings, make: Make) -> None:
    folder = make("support", "1")
    use_adapter("support", settings)
    pinned = settings.but({"adapter": str(DEMO_ADAPTER)})
    assert choice_in(pinned) is None and named(adapter_of(pinned, choice_in(pinned))) == "demo 9"
    for change in (lambda: use_adapter("support", pinned), lambda: roll_back_adapter(pinned)):
        with pytest.raises(SettingsError, match=r"DUEL_ADAPTER is .* Unset it"):
            change()
    with pytest.raises(BadAdapter, match="DUEL_ADAPTER names it"):
        roll_back_adapter(settings)
        remove_adapter("support", settings.but({"adapter": str(folder)}))


def test_an_adapter_that_changed_since_it_was_chosen_is_not_taken(settings: EngineSettings, make: Make) -> None:
    folder = make("support", "1")
    use_adapter("support", settings)
    (folder / "adapter_config.json").write_text((folder / "adapter_config.json").read_text() + " ")
    with pytest.raises(BadAdapter, match=r"another adapter than the support 1 .* adapters use support"):
        adapter_of(settings, choice_in(settings))
    (Path(settings.adapters) / chosen.FILE).write_text("{")
    with pytest.raises(BadAdapter, match="damaged"):
        choice_in(settings)


def test_remove_takes_the_folder_and_its_past_but_never_what_is_in_use(settings: EngineSettings, make: Make) -> None:
    make("support", "1"), make("support", "2")
    for version in "121":
        use_adapter(f"support@{version}", settings)
    with pytest.raises(BadAdapter, match="in use for demo"):
        remove_adapter("support@1", settings)
    gone = remove_adapter("support@2", settings)
    assert not gone.exists() and [path.name for path in Path(settings.adapters).iterdir() if path.is_dir()] == ["support-1"]
    assert roll_back_adapter(settings) is None, "1, 2, 1 without 2 is 1"
    with pytest.raises(BadAdapter, match="Only adapters in"):
        remove_adapter("demo", settings)


def test_an_adapter_is_found_by_each_of_its_names(settings: EngineSettings, make: Make) -> None:
    folders = {make("support", "1"), make("support", "2"), make("my own", "2026 draft")}
    assert {each.folder for each in list_adapters(shelves(settings))} > folders
    for name, version in (("support@2", "2"), ("support-1", "1"), ("my own", "2026 draft"), ("demo", "9")):
        found = find_adapter(name, settings).adapter
        assert found and found.version == version
    assert find_adapter(str(Path(settings.adapters) / "support-2"), settings).adapter
    with pytest.raises(BadAdapter, match=r"several: support@1, support@2"):
        find_adapter("support", settings)
    with pytest.raises(BadAdapter, match=r"no adapter 'other' here"):
        find_adapter("other", settings)
    (Path(settings.adapters) / "support-1" / "card.json").write_text("{}")
    with pytest.raises(BadAdapter, match="cannot be used: The card"):
        find_adapter("support-1", settings)


def test_the_verbs_say_what_they_did(
    settings: EngineSettings, make: Make, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make("support", "1"), make("support", "2")
    monkeypatch.setenv("DUEL_ADAPTERS", settings.adapters)

    def said(*words: str) -> str:
        assert main(words) == 0
        return capsys.readouterr().out

    assert "takes support 2 from now on" in said("use", "support@2")
    listed = said("list").splitlines()
    assert [line.split()[0] for line in listed if "IN USE" in line] == ["support@2"] and sum("yours" in line for line in listed) == 2
    assert "IN USE" in said("info", "support@2") and "IN USE" not in said("info", "support@1")
    assert "takes the adapter demo that ships again" in said("rollback")
    assert "Deleted" in said("remove", "support@2") and "support@2" not in said("list")
    assert main(["use", "support@2"]) == 2 and "no adapter 'support@2' here" in capsys.readouterr().err


def test_a_card_is_written_for_an_adapter_from_elsewhere(
    tmp_path: Path, settings: EngineSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    base = tiny.save_base(tmp_path / "base")
    folder = tiny.save_adapter(tmp_path / "from-elsewhere", base)
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"request": "hello", "answer": "hi"}\n{"request": "what can you do", "answer": "things"}\n')
    flags = ["--base", str(base), "--data", str(rows), "--name", "greeter", "--limit", "It greets.", "--usd", "0.5"]
    assert main(["card", str(folder), *flags]) == 0
    adapter = open_adapter(folder)
    assert adapter.card and str(adapter.named) == "greeter 1" and adapter.card.limits == ("It greets.",)
    assert adapter.card.trained.examples == 2 and adapter.card.trained.usd == 0.5 and adapter.saw("Hello") and not adapter.saw("bye")
    assert len(adapter.trained_on) == 2 and digest("hello") in adapter.trained_on.listed
    use_adapter(str(folder), settings.but({"base_model": str(base)}))
    capsys.readouterr()
    assert main(["card", str(folder), "--base", str(base)]) == 2 and "has a card already" in capsys.readouterr().err
    unknown = tiny.save_adapter(tmp_path / "unknown", base)
    assert main(["card", str(unknown), "--base", str(base)]) == 0
    card = read_card(unknown)
    assert card and "Nobody has said what it was trained on" in card.limits[0]


def test_a_merged_model_gives_the_logits_of_base_and_adapter(tmp_path: Path) -> None:
    base = tiny.save_base(tmp_path / "base")
    adapter = open_adapter(tiny.save_adapter(tmp_path / "adapter", base))
    merged = export_merged(adapter, base, tmp_path / "merged")
    assert merged.differs < 1e-4 and (merged.folder / "model.safetensors").is_file() and (merged.folder / "tokenizer.json").is_file()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    with pytest.raises(BadAdapter, match="nothing is written over"):
        export_merged(adapter, base, tmp_path / "merged")


def test_export_as_peft_brings_the_card_and_vllms_line(
    settings: EngineSettings, make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make("support", "1")
    monkeypatch.setenv("DUEL_ADAPTERS", settings.adapters)
    assert main(["export", "support", "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert open_adapter(tmp_path / "out").digest == open_adapter(folder).digest and read_card(tmp_path / "out") == read_card(folder)
    rank = json.loads((folder / "adapter_config.json").read_text())["r"]
    assert f"--enable-lora --lora-modules support={tmp_path / 'out'} --max-lora-rank {rank}" in said
    odd = tiny.save_adapter(tmp_path / "odd", tiny.save_base(tmp_path / "base"), r=12)
    assert vllm_line(open_adapter(odd), "some/base").endswith("--max-lora-rank 16")


def test_gguf_needs_llama_cpps_converter_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = tiny.save_base(tmp_path / "base")
    adapter = open_adapter(tiny.save_adapter(tmp_path / "adapter", base))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BadAdapter, match=r"converter is not here\. .*--converter"):
        export_gguf(adapter, base, tmp_path / "a.gguf")
    converter = tmp_path / "convert_lora_to_gguf.py"
    converter.write_text(
        "import argparse, pathlib\np = argparse.ArgumentParser()\np.add_argument('--base')\np.add_argument('--outfile')\n"
        "p.add_argument('--outtype')\np.add_argument('lora')\na = p.parse_args()\n"
        "pathlib.Path(a.outfile).write_text(' '.join((a.base, a.outtype, a.lora)))\n"
    )
    made = export_gguf(adapter, base, tmp_path / "a.gguf", converter)
    assert made.read_text() == f"{base} f16 {adapter.folder}"
    converter.write_text("import sys\nsys.exit('Model FancyNet is not supported')")
    with pytest.raises(BadAdapter, match="failed: Model FancyNet is not supported"):
        export_gguf(adapter, base, tmp_path / "b.gguf", converter)
