"""The result of an optimisation for people, as the head of the new recipe's file, and as JSON."""

from dataclasses import asdict
from typing import Any

from engine.optimise.race import ANSWERS, LOOKS, Candidate
from engine.optimise.run import MeanScore, Optimised, TrailEntry
from engine.printable import one_line
from engine.recipe_text import toml_of
from engine.report import dollars, seconds
from engine.scoring import Metric

LOOKED = "Candidates were compared by how likely the model is to give the wanted answers; the best ones, and the start, answered dev rows."
SHOWN = 8  # candidates of the trail, the best ones


def share(figure: MeanScore | None) -> str:
    """Say a mean score with its standard error and its rows."""
    if figure is None:
        return "not measured"
    return f"{figure.mean:.1%} ± {figure.error:.1%} of {figure.rows:,} rows"


def lines_for(found: Optimised) -> list[str]:
    """Write the result for people, a line each."""
    recipe, start = found.recipe, found.start
    metric = Metric(found.metric)
    said = [
        f"Metric {found.metric}: right means {metric.words}. ± is one standard error.",
        f"The search ended because {found.why}: {len(found.trail):,} candidates, {spent(found)}.",
        *[LOOKED] * any(each.likely for each in found.trail),
        f"start: {start.named}, {len(start.examples)} examples: dev {share(found.start_dev)}, test {share(found.start_test)}",
    ]
    if not found.changed:
        return [*said, "No candidate did better on the dev rows: the start stays as it is."]
    said.append(f"winner: {recipe.named}, {len(recipe.examples)} examples: dev {share(found.dev)}, test {share(found.test)}")
    if found.gain is not None:
        said.append(f"On the same test rows the winner has {found.gain.mean * 100:+.1f} ± {found.gain.error * 100:.1f} points.")
    if found.overstated is not None:
        more = "more" if found.overstated >= 0 else "less"
        said.append(f"Its dev figure, by which it was chosen, says {abs(found.overstated) * 100:.1f} points {more} than the test.")
    return said


def spent(found: Optimised) -> str:
    """Say what was spent."""
    usd = f", {dollars(found.outlay.usd)}" if found.outlay.usd else ""
    looks = f" and {found.outlay.looks:,} looks" if found.outlay.looks else ""
    return f"{found.outlay.calls:,} answers{looks}, {found.outlay.tokens:,} tokens, {seconds(found.seconds)}{usd}, the test included"


def trail_of(found: Optimised) -> list[str]:
    """Write the candidates that were asked most and did best, a line each; behind them those that were only looked at."""

    def place(entry: TrailEntry) -> tuple[float, float, float]:
        return -(entry.dev.rows if entry.dev else 0), -(entry.dev.mean if entry.dev else 0), -(entry.likely.mean if entry.likely else 0)

    asked = sorted((each for each in found.trail if each.dev or each.likely), key=place)
    return [f"{each.digest[:6]}  {_standing(each)}  {each.examples} examples, {one_line(each.made)}" for each in asked[:SHOWN]]


def _standing(entry: TrailEntry) -> str:
    said = [f"dev {share(entry.dev)}"] * bool(entry.dev) + [f"likely {share(entry.likely)}"] * bool(entry.likely)
    return ", ".join(said)


def standing(candidate: Candidate) -> str:
    """Say how good a candidate is so far: by its answers, else by how likely the wanted ones are; "" where it was asked nothing."""
    if candidate.scores:
        return f"best {ANSWERS.mean(candidate):.0%} of {len(candidate.scores)}"
    return f"best {LOOKS.mean(candidate):.1%} likely on {len(candidate.looks)}" if candidate.looks else ""


def toml_for(found: Optimised) -> str:
    """Write the new recipe as TOML; comments at its top say where it comes from."""
    head = [f"Found by python -m engine optimise; parent {found.start.named}, digest {found.parent}.", *lines_for(found)]
    return "".join(f"# {one_line(line)}\n" for line in head) + toml_of(found.recipe)


def json_for(found: Optimised) -> dict[str, Any]:
    """Give the result as a JSON object; the recipe as TOML."""
    recipe, start = ({"name": each.name, "version": each.version, "digest": each.digest} for each in (found.recipe, found.start))
    return asdict(found) | {"recipe": recipe | {"toml": toml_of(found.recipe)}, "start": start, "overstated": found.overstated}
