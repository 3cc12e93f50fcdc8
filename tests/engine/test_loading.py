"""Every way in which a base model or an adapter cannot be used is one sentence; a dead adapter never duels."""

import errno
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import FineGrainedFP8Config

from engine.backends.local import loading
from engine.backends.local.backend import LocalBackend
from engine.backends.local.fetching import fetch
from engine.backends.local.loading import load_base
from engine.backends.local.opening import open_local
from engine.contestants import Arm, Contestant, folder_revision, open_adapter
from engine.errors import BadAdapter, BadModel, BadRecipe, SettingsError
from engine.lineup import open_lineup
from engine.recipes import Recipe
from engine.settings import EngineSettings
from tests.engine import tiny

PLAIN = Recipe("plain", "1")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_base(tmp_path_factory.mktemp("base"))


@pytest.fixture
async def backend(base: Path) -> AsyncIterator[LocalBackend]:
    opened = await open_local(base, "tiny", EngineSettings(max_rows=2, threads=1))
    yield opened
    await opened.aclose()


def test_a_missing_folder_is_named() -> None:
    with pytest.raises(BadModel, match=r"There is no file model\.gguf for the base model"):
        fetch("model.gguf", "base model")
    with pytest.raises(BadModel, match="There is no folder /no/such/model"):
        fetch("/no/such/model", "base model")
    for path in ("./no such adapter", "./nope", "../nope", ".hidden"):
        with pytest.raises(BadAdapter, match="There is no folder"):
            fetch(path, "adapter")


def test_a_hub_that_cannot_be_reached_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(BadModel, match="somebody/some-model is not a folder here, and the hub cannot be reached"):
        fetch("somebody/some-model", "base model")


def test_a_model_without_chat_template_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadModel, match="no chat template"):
        load_base(tiny.save_base(tmp_path, chat_template=None), "raw", "float32", "cpu")


def test_a_folder_that_holds_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadModel, match="cannot be loaded"):
        load_base(tmp_path, "empty", "float32", "cpu")


def test_pickled_weights_are_not_read(tmp_path: Path) -> None:
    folder = tiny.save_base(tmp_path)
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(BadModel):
        load_base(folder, "pickled", "float32", "cpu")


def test_missing_weights_are_an_error_and_not_random_ones(tmp_path: Path) -> None:
    folder = tiny.save_base(tmp_path)
    weights = load_file(folder / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(BadModel, match="incomplete"):
        load_base(folder, "cut", "float32", "cpu")


def test_cuda_without_a_device_is_refused(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    from engine.backends.local.loading import pick_device

    with pytest.raises(SettingsError, match="DUEL_DEVICE"):
        pick_device("cuda")
    assert pick_device("auto") == "cpu"


def test_bfloat16_answers_too(base: Path) -> None:
    assert load_base(base, "tiny", "bfloat16", "cpu").model.dtype == torch.bfloat16


def test_a_sliding_window_limits_the_context(base: Path, tmp_path: Path) -> None:
    folder = tiny.save_base(tmp_path, "qwen3")
    config = json.loads((folder / "config.json").read_text())
    config |= {"use_sliding_window": True, "sliding_window": 128, "layer_types": ["sliding_attention", "full_attention"]}
    (folder / "config.json").write_text(json.dumps(config))
    assert load_base(folder, "slides", "float32", "cpu").base.context_tokens == 128
    assert load_base(base, "full", "float32", "cpu").base.context_tokens == 512


async def test_a_dead_adapter_is_refused_with_the_reason_and_leaves_the_base_as_it_was(
    base: Path, backend: LocalBackend, tmp_path: Path
) -> None:
    with pytest.raises(BadAdapter, match="is dead"):
        await backend.add_adapter(open_adapter(tiny.save_adapter(tmp_path / "dead", base, dead=True)), PLAIN)
    await backend.add_adapter(open_adapter(tiny.save_adapter(tmp_path / "alive", base)), PLAIN)


async def test_an_adapter_of_another_shape_is_refused(backend: LocalBackend, tmp_path: Path) -> None:
    other = tiny.save_base(tmp_path / "base", "qwen3")
    folder = tiny.save_adapter(tmp_path / "adapter", other)
    weights = {
        key: torch.cat([value, value], dim=-1) if "lora_A" in key else value
        for key, value in load_file(folder / "adapter_model.safetensors").items()
    }
    save_file(weights, folder / "adapter_model.safetensors")
    with pytest.raises(BadAdapter, match="does not fit"):
        await backend.add_adapter(open_adapter(folder), PLAIN)


async def test_an_adapter_that_lacks_weights_is_refused(base: Path, backend: LocalBackend, tmp_path: Path) -> None:
    folder = tiny.save_adapter(tmp_path, base)
    weights = load_file(folder / "adapter_model.safetensors")
    weights.pop(sorted(weights)[0])
    save_file(weights, folder / "adapter_model.safetensors")
    with pytest.raises(BadAdapter, match="1 of its weights are missing"):
        await backend.add_adapter(open_adapter(folder), PLAIN)


@pytest.mark.parametrize(("damage", "words"), [("nan", "not a number"), ("garbage", "cannot be read")])
async def test_damaged_weights_are_refused(base: Path, backend: LocalBackend, tmp_path: Path, damage: str, words: str) -> None:
    folder = tiny.save_adapter(tmp_path, base)
    file = folder / "adapter_model.safetensors"
    if damage == "nan":
        save_file({key: value * float("nan") for key, value in load_file(file).items()}, file)
    else:
        file.write_bytes(b"not safetensors at all")
    with pytest.raises(BadAdapter, match=words):
        await backend.add_adapter(open_adapter(folder), PLAIN)


async def test_an_adapter_that_changes_the_base_for_everybody_is_refused(base: Path, backend: LocalBackend, tmp_path: Path) -> None:
    folder = tiny.save_adapter(tmp_path, base, use_dora=True)
    with pytest.raises(BadAdapter, match="use_dora"):
        await backend.add_adapter(open_adapter(folder), PLAIN)


def card(base_revision: str, recipe_digest: str) -> str:
    return json.dumps({"name": "demo", "version": "1", "base": {"revision": base_revision}, "recipe": {"digest": recipe_digest}})


async def test_a_card_binds_an_adapter_to_its_base_and_recipe(base: Path, backend: LocalBackend, tmp_path: Path) -> None:
    folder = tiny.save_adapter(tmp_path, base)
    (folder / "card.json").write_text(card(folder_revision(base), PLAIN.digest))
    await backend.add_adapter(open_adapter(folder), PLAIN)
    with pytest.raises(BadAdapter, match="another plain recipe"):
        await backend.add_adapter(open_adapter(folder), Recipe("plain", "2", system="other"))
    (folder / "card.json").write_text(card("f" * 16, PLAIN.digest))
    with pytest.raises(BadAdapter, match="trained on base revision ffffffffffff"):
        await backend.add_adapter(open_adapter(folder), PLAIN)


@pytest.mark.parametrize("missing", ["adapter_config.json", "adapter_model.safetensors"])
def test_an_adapter_folder_lacking_a_file_says_which(base: Path, tmp_path: Path, missing: str) -> None:
    folder = tiny.save_adapter(tmp_path, base)
    (folder / missing).unlink()
    with pytest.raises(BadAdapter, match=missing):
        open_adapter(folder)


def test_a_damaged_card_is_refused(base: Path, tmp_path: Path) -> None:
    folder = tiny.save_adapter(tmp_path, base)
    (folder / "card.json").write_text('{"name": "demo"}')
    with pytest.raises(BadAdapter, match="is damaged"):
        open_adapter(folder)


def test_a_change_in_any_answer_changing_file_changes_the_revision(tmp_path: Path) -> None:
    folder = tiny.save_base(tmp_path)
    before = folder_revision(folder)
    (folder / "notes.txt").write_text("not part of it")
    assert folder_revision(folder) == before
    config = folder / "config.json"
    config.write_text(config.read_text() + "\n")
    assert folder_revision(folder) != before


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("model.safetensors", b"\x08\0\0\0\0\0\0\0{}"),
        ("config.json", b'{"model_type": "llama", "hidden_size": "big"}'),
        ("tokenizer.json", b'{"model": {"type": "BPE"}, "added_tokens": []}'),
    ],
)
def test_a_damaged_file_is_one_sentence(tmp_path: Path, file: str, content: bytes) -> None:
    folder = tiny.save_base(tmp_path)
    (folder / file).write_bytes(content)
    with pytest.raises(BadModel, match="cannot be loaded from"):
        load_base(folder, "damaged", "float32", "cpu")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (RuntimeError("Request URL is missing a protocol."), "cannot be fetched from the hub: Request URL is missing"),
        (OSError(errno.ENOSPC, "No space left on device"), "cannot be kept on this machine's disk: No space left"),
        (ConnectionError("refused"), "the hub cannot be reached"),
    ],
)
def test_whatever_stops_a_download_is_one_sentence(monkeypatch: pytest.MonkeyPatch, error: Exception, words: str) -> None:
    def fails(*args: object, **options: object) -> None:
        raise error

    monkeypatch.setattr("huggingface_hub.snapshot_download", fails)
    with pytest.raises(BadModel, match=words):
        fetch("somebody/some-model", "base model")


@pytest.mark.parametrize(
    ("chat_template", "context", "words"),
    [
        (
            "{{ raise_exception('no system role') if messages[0]['role'] == 'system' }}" + tiny.CHAT,
            4096,
            "house 1 no request .* no system role",
        ),
        (tiny.CHAT, 512, "house 1 leaves no room for a request"),
    ],
)
async def test_a_recipe_that_could_answer_nothing_is_refused_before_anybody_asks(
    tmp_path: Path, chat_template: str, context: int, words: str
) -> None:
    folder = tiny.save_base(tmp_path, chat_template=chat_template, context=context)
    with pytest.raises(BadRecipe, match=words):
        await open_lineup(EngineSettings(base_model=str(folder), recipe="house", threads=1))


def test_quantised_weights_are_named_by_their_method(base: Path) -> None:
    config = load_base(base, "tiny", "float32", "cpu").model.config
    assert loading._quantisation(config) == ""
    config.quantization_config = {"quant_method": "fp8", "weight_block_size": [128, 128]}
    assert loading._quantisation(config) == "fp8"
    config.quantization_config = FineGrainedFP8Config()
    assert loading._quantisation(config) == "fp8"
    config.quantization_config = {"bits": 4}
    assert loading._quantisation(config) == "unnamed"


async def test_the_base_as_it_runs_reaches_the_contestant(base: Path) -> None:
    loaded = [load_base(base, "tiny", dtype, "cpu").base for dtype in ("float32", "bfloat16")]
    assert [one.dtype for one in loaded] == ["float32", "bfloat16"]
    assert len({Contestant(Arm.PLAIN, PLAIN, None, one).id for one in loaded}) == 2
