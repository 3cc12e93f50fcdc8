"""What closed duels of people who agreed teach: pairs of answers, winners, and answers that were judged. Nobody is named."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bot.app.ending import turns_of
from bot.ballots import Ballot, Entrant, Said
from bot.store import DuelRecord, Store, Transaction
from bot.store.consents import ConsentRows
from bot.store.duels import DuelRows
from engine.request import Turn

Form = Literal["pairs", "answers", "judged"]


@dataclass(frozen=True, slots=True)
class LearnableDuel:
    """A closed duel whose asker agreed, by the ballots of voters who agreed."""

    id: str
    request: str
    history: tuple[Turn, ...]
    texts: tuple[str, str]  # of entrant 0 and 1
    better: Entrant | None  # the one that more than half of the ballots prefer
    both_bad: bool  # so say more than half


async def decided(store: Store) -> list[LearnableDuel]:
    """Read all duels that may be learned from, in closing order. A withdrawal takes effect at once."""
    async with store.reading() as look:
        return await decided_in(look)


async def decided_in(look: Transaction) -> list[LearnableDuel]:
    """Read the same within a transaction, of a copy of a store, too."""
    voters: dict[str, frozenset[str]] = {}
    found = list[LearnableDuel]()
    for duel, team, conversation in await ConsentRows(look).free():
        if team not in voters:
            voters[team] = await ConsentRows(look).voters(team)
        talk = await DuelRows(look).conversation(conversation)
        own = next(each for each in talk if each.id == duel)
        before = [each for each in talk if each.turn < own.turn]
        if {each.asker for each in before} <= {own.asker}:
            found += _decided(own, before, voters[team])
    return found


def _decided(duel: DuelRecord, before: Sequence[DuelRecord], voters: frozenset[str]) -> Iterable[LearnableDuel]:
    """Take a duel with two whole answers, none of which says which side it is, and at least one ballot that counts."""
    answers = [duel.answers.get(entrant) for entrant in (0, 1)]
    texts = [answer.text for answer in answers if answer and answer.finish == "end" and answer.text.strip()]
    ballots = [each for each in duel.ballots if each.voter in voters]
    if len(texts) == 2 and ballots and not duel.says_who:
        better, both_bad = _winner(ballots)
        yield LearnableDuel(duel.id, duel.request, turns_of(before), (texts[0], texts[1]), better, both_bad)


def _winner(ballots: Sequence[Ballot]) -> tuple[Entrant | None, bool]:
    said = Counter((each.verdict, each.entrant) for each in ballots)
    (verdict, entrant), count = said.most_common(1)[0]
    clear = 2 * count > len(ballots)
    return (entrant if clear and verdict is Said.BETTER else None), clear and verdict is Said.BOTH_BAD


def rows_of(duels: Iterable[LearnableDuel], form: Form) -> list[Mapping[str, Any]]:
    """Write rows: pairs for dpo, judged answers for kto (where both are bad, two bad ones), winners for sft; ties nowhere."""
    return [row for duel in duels for row in _rows(duel, form)]


def _rows(duel: LearnableDuel, form: Form) -> Iterable[Mapping[str, Any]]:
    history = [{"role": turn.role, "text": turn.text} for turn in duel.history]
    asked: dict[str, Any] = {"request": duel.request} | ({"history": history} if history else {})
    if duel.better is not None:
        chosen, rejected = duel.texts[duel.better], duel.texts[1 - duel.better]
        if form == "answers":
            yield {"id": duel.id} | asked | {"answer": chosen}
        elif form == "pairs":
            yield {"id": duel.id} | asked | {"chosen": chosen, "rejected": rejected}
        else:
            yield {"id": f"{duel.id}+"} | asked | {"answer": chosen, "good": True}
            yield {"id": f"{duel.id}-"} | asked | {"answer": rejected, "good": False}
    elif duel.both_bad and form == "judged":
        for number, text in enumerate(duel.texts, 1):
            yield {"id": f"{duel.id}-{number}"} | asked | {"answer": text, "good": False}
