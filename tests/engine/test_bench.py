"""The benchmark's figures are of answers that were really given, and the naive way says the same."""

from pathlib import Path

from engine import bench
from engine.settings import EngineSettings
from tests.engine import tiny

RECIPE = 'name = "{name}"\nversion = "1"\nsystem = "{system}"\n[sampling]\nmax_new_tokens = 5\n'


async def test_the_benchmark_measures_both_ways_on_the_same_prompts(tmp_path: Path) -> None:
    base = tiny.save_base(tmp_path / "base", context=1024)
    for name, system in (("long", "Be brief. " * 5), ("short", "")):
        (tmp_path / f"{name}.toml").write_text(RECIPE.format(name=name, system=system))
    settings = EngineSettings(
        base_model=str(base),
        adapter=str(tiny.save_adapter(tmp_path / "adapter", base)),
        recipe=str(tmp_path / "long.toml"),
        plain_recipe=str(tmp_path / "short.toml"),
    )
    report = await bench.run(settings, rounds=1)
    assert report.same_texts
    assert set(report.alone_s) == {"prompted", "tuned"}
    assert min(report.naive_s, report.together_s, report.four_duels_s, *report.first_words_s.values()) > 0
    assert report.naive_over_together > 0
    assert ("the same texts as the naive way", "yes") in bench.lines(report)
