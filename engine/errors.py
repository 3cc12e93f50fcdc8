"""What can go wrong in the engine, each with words that a person can act on.

    DuelbotError                every error of this project; str(error) is a sentence for people
    ├── SettingsError           a setting is unknown, malformed, or contradicts another
    ├── BadRequest              a request cannot be asked as it stands
    │   ├── NoText              bot: an attached file holds no text
    │   ├── NotHere             bot: a team takes no requests in this channel
    │   ├── QueueFull           bot: as many requests are being answered as may be at once
    │   ├── StillLoading        bot: the base on which those meet who were picked has not loaded yet
    │   └── LimitMet            bot: a program's key has asked as much as it may for now
    │       └── BudgetSpent     bot: its answers have cost as much as they may
    ├── BadRecipe               a recipe file is malformed, or asks for something the model refuses
    ├── BadModel                a base model cannot be used: missing, unreachable, no chat template
    │   └── ServerAway          its server cannot be reached, or is not ready, which may pass
    ├── BadAdapter              an adapter cannot be used: missing, not made for this base, dead
    │   └── AdapterNotLoaded    bot: an adapter that is wanted for a duel has to be loaded first
    ├── UnfairDuel              two contestants that must not meet: another base or another sampling
    ├── BackendError(kind)      one answer could not be given; becomes a Failure, the other side goes on
    ├── BadRows                 adapters: a file of evaluation rows cannot be used
    ├── OtherSize               adapters: a build was begun in another size
    ├── BadPlan                 adapters: a training plan is unknown or malformed
    ├── BadRun                  adapters: a training run cannot begin or go on
    ├── TrainingFailed          adapters: a training came to no end; its last checkpoint is kept
    ├── BadCheckpoint           adapters: a checkpoint cannot be read, or is of another training
    ├── BadDecision             bot: a decision cannot begin or go on
    │   └── DecisionStopped     bot: somebody stopped it; the same command goes on
    ├── NotApplicable           bot: a step of a decision says nothing here
    ├── StoreError              bot: the store cannot be opened, read or written; nothing was changed
    ├── BallotRefused           bot: a duel takes no such ballot now
    ├── UnknownDuel             bot: there is no duel, or no conversation, with this id
    ├── UnknownRecipe           bot: there is no recipe, or no version of one, with this id or name
    ├── AlreadyAsked            bot: the same event came before
    └── BadEvidence             bot: a number cannot be evidence

Anything else that escapes is a bug and stays one.
"""


class DuelbotError(Exception):
    """Base of the tree; its text is one sentence for people."""

    @property
    def words(self) -> str:
        """The sentence."""
        return str(self)


class SettingsError(DuelbotError):
    """A setting is unknown, malformed, or contradicts another."""


class BadRequest(DuelbotError):
    """A request cannot be asked as it stands: empty, too long, unreadable characters."""


class BadRecipe(DuelbotError):
    """A recipe is malformed, unknown, or not renderable by the model's chat template."""


class BadModel(DuelbotError):
    """A base model cannot be used."""


class ServerAway(BadModel):
    """The server of a base model cannot be reached or is not ready; the same may go well later."""


class BadAdapter(DuelbotError):
    """An adapter cannot be used: missing, made for another base, or dead."""


class UnfairDuel(DuelbotError):
    """Two contestants differ in what must be equal, so their duel would prove nothing."""


class BackendError(DuelbotError):
    """One answer could not be given.

    kind is one word for programs: "too_long", "timeout", "bad_prompt", "closed", "not_finite", "server", "uncounted".
    passing: the same may go well later, as whoever answers was away or busy.
    """

    def __init__(self, kind: str, words: str, *, passing: bool = False) -> None:
        super().__init__(words)
        self.kind, self.passing = kind, passing


def first_line(error: BaseException) -> str:
    """Put what a library raised into a line for people: its first line, with its kind where that line is no sentence."""
    if isinstance(error, DuelbotError):
        return error.words
    text = str(error).strip().splitlines()
    line = text[0][:300] if text else ""
    return line if " " in line else f"{type(error).__name__} {line}".strip()
