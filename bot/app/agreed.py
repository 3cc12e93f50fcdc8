"""What is said where both sides gave the same answer, and what to ask next. Pure.

What is offered depends on nothing that comes later: a button of long ago asks what its message says.
"""

from collections.abc import Collection, Mapping, Sequence

from bot.evidence.units import request_key
from bot.store import DuelRecord
from bot.views import NextStep
from engine.contestants import Arm
from engine.request import folded
from engine.settings import EngineSettings
from engine.shipped import PAIRS

AGREED = (
    "Both sides agree here: they give the same answer, word for word, so there is nothing to prefer. "
    "Nobody is asked to vote, and it is counted apart."
)
TRY = "Try one on which they differ, in a new conversation:"
TRY_AGAIN = (
    "Ask about something else. To see these two differ, ask an earlier request again, in a new conversation; what is asked again "
    "is shown and is no new evidence:"
)
ELSEWHERE = (
    "Ask about something else. A temperature above 0 in [sampling] of both recipes (DUEL_RECIPE and DUEL_PLAIN_RECIPE) lets answers "
    "differ also where the likeliest words are the same; both sides then draw with the same seed."
)
_DECIDES = ("adapter", "recipe", "plain_recipe", "arms", "aa", "dtype")
Offers = Mapping[str, Sequence[str]]  # requests to begin with, by the base on whose pair they are known to differ


def ships(settings: EngineSettings) -> bool:
    """Whether a base, its adapter and recipes that ship are in use, of which it is known where they differ."""
    return settings.base_model in PAIRS and all(getattr(settings, name) == EngineSettings.model_fields[name].default for name in _DECIDES)


def keys_of(examples: Sequence[str]) -> dict[str, str]:
    """Examples by the key that each has at the beginning of a conversation."""
    return {request_key(example, ()): example for example in examples}


def next_step(duel: DuelRecord, talk: Sequence[DuelRecord], examples: Offers, *, asked: Collection[str], differed: str) -> NextStep:
    """Choose what to ask after this duel, whose answers are the same.

    talk: its conversation. examples: those on which each pair that ships differs. asked: the keys of those that somebody had
    asked before; another one is offered while there is one, since asked again a request is no new evidence. differed: a request on
    which this duel's two have differed, or "".
    """
    here = {folded(each.request) for each in talk if each.turn <= duel.turn}
    if found := _example(duel, examples, here, asked):
        return NextStep(TRY, found)
    return NextStep(TRY_AGAIN, differed) if differed and folded(differed) not in here else NextStep(ELSEWHERE)


def _example(duel: DuelRecord, examples: Offers, here: Collection[str], asked: Collection[str]) -> str:
    """One that was not asked in this conversation, best one that nobody has asked; "": none, or other recipes than those that ship."""
    left = {key: example for key, example in keys_of(examples.get(_pair_of(duel), ())).items() if folded(example) not in here}
    return next((example for key, example in left.items() if key not in asked), next(iter(left.values()), ""))


def _pair_of(duel: DuelRecord) -> str:
    """The base whose pair this duel's two are, told by their recipes; "": a team has chosen another one."""
    met = {(answer.who.arm, answer.who.recipe.name) for answer in duel.answers.values()}
    return next((base for base, pair in PAIRS.items() if met == {(Arm.PROMPTED, pair.recipe), (Arm.TUNED, pair.plain)}), "")
