"""The proof that contestants can be asked: that every word of their recipes and of a request reaches the model."""

from collections.abc import Sequence
from dataclasses import replace

from engine.backends.base import Backend, Recalling
from engine.contestants import Contestant
from engine.cost import Price
from engine.duel import Failure, answer_each, prompt_of
from engine.errors import BackendError, BadRecipe
from engine.request import Request, Turn

PROBES = (  # requests whose words no recipe and no chat template holds
    Request("Does 4711 come before 1815?"),
    Request("And what of 2087?", (Turn("user", "Is 1492 a number?"), Turn("assistant", "It is, like 1066."))),
)


async def prove(entrants: Sequence[Contestant], backend: Backend, price: Price) -> None:
    """Prove that both entrants can be asked: that every word of their recipes and of a request reaches the model.

    Each reads a short request once, so that nobody who asks later pays for filling the caches. Raises BadRecipe for a recipe
    with which no request could ever be answered, as it fills the context, or the model's chat template refuses or drops a part;
    BackendError where a server was away, which says nothing about a recipe.
    """
    alike = {place: [prompt_of(entrant, probe, 0) for probe in PROBES] for place, entrant in enumerate(entrants)}
    prompts = {place: replace(prompt, sampling=replace(prompt.sampling, max_new_tokens=1)) for place, (prompt, *_) in alike.items()}
    if isinstance(backend, Recalling):
        for each in alike.values():
            await backend.recall(each)
    outcomes = await answer_each(prompts, backend, price)
    for place, entrant in enumerate(entrants):
        outcome, recipe, base = outcomes[place], entrant.recipe, entrant.base
        tokens, room = outcome.usage.prompt_tokens if outcome.usage else 0, base.context_tokens - recipe.sampling.max_new_tokens
        setting = "DUEL_RECIPE" if entrant.arm.engineered else "DUEL_PLAIN_RECIPE"
        if tokens > room:
            raise BadRecipe(
                f"The recipe {recipe.name} {recipe.version} leaves no room for a request: it is {tokens:,} tokens with a short one, "
                f"and {base.name} reads {max(room, 0):,} beside an answer of {recipe.sampling.max_new_tokens:,}. "
                f"Set {setting} to a shorter one."
            )
        if isinstance(outcome, Failure):
            if outcome.passing or (outcome.kind == "timeout" and base.unpinned):
                raise BackendError(outcome.kind, f"Whether {base.name} can be asked was not to be told now: {outcome.words}", passing=True)
            raise BadRecipe(f"With the recipe {recipe.name} {recipe.version} no request can be answered: {outcome.words} ({setting})")
        await _prove_read(entrant, backend, setting)
        if isinstance(backend, Recalling):
            await backend.remember(alike[place])


async def prove_written(entrant: Contestant, backend: Backend) -> None:
    """Prove of a recipe that somebody has just written that a request can be asked with it; nothing is answered.

    Raises BadRecipe where it fills the context, or the model's chat template refuses or drops a part; BackendError where a server is away.
    """
    recipe, base = entrant.recipe, entrant.base
    await _prove_read(entrant, backend, "")
    try:
        tokens, room = len(await backend.encoded(prompt_of(entrant, PROBES[0], 0))), base.context_tokens - recipe.sampling.max_new_tokens
    except BackendError as error:
        if error.kind == "uncounted":  # a server that will refuse what is too long when it is asked
            return
        if error.passing:
            raise
        raise BadRecipe(f"With this recipe no request can be asked: {error.words}") from error
    if tokens > room:
        raise BadRecipe(
            f"The recipe leaves no room for a request: it is {tokens:,} tokens with a short one, and {base.name} reads {max(room, 0):,} "
            f"beside an answer of {recipe.sampling.max_new_tokens:,}. Shorten it, or leave out an example."
        )


async def _prove_read(entrant: Contestant, backend: Backend, setting: str) -> None:
    """Raises BadRecipe when the prompts of two requests, one within a conversation, do not hold every word of recipe and request.

    setting: that names the recipe; "": none does.
    """
    recipe, where = entrant.recipe, f" ({setting})" if setting else ""
    for request in PROBES:
        try:
            unread = await backend.unread(prompt_of(entrant, request, 0))
        except BackendError as error:
            if error.passing:
                raise
            raise BadRecipe(f"With the recipe {recipe.name} {recipe.version} {error.words}{where}") from error
        if unread:
            lost = "; ".join(f"{message.role}: {message.content[:60]!r}" for message in unread[:2])
            raise BadRecipe(
                f"With the recipe {recipe.name} {recipe.version} the model {entrant.base.name} would not see all that is said: its chat "
                f"template drops or changes {lost}. Put it where the template keeps it, or take another model.{where}"
            )
