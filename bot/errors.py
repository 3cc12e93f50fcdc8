"""What can go wrong around people and their ballots; str(error) is the sentence to show.

DuelbotError
├── StoreError              the store cannot be opened, read or written; nothing was changed
├── BallotRefused           this duel takes no such ballot now
├── UnknownDuel             there is no duel, or no conversation, with this id
└── UnknownRecipe           there is no recipe, or no version of one, with this id or name
"""

from engine.errors import DuelbotError


class StoreError(DuelbotError):
    """The store cannot be opened, read or written. Whatever was being done is undone and can be done again."""


class BallotRefused(DuelbotError):
    """The duel is not open for ballots: not answered yet, closed, or void."""


class UnknownDuel(DuelbotError):
    """No duel, or no conversation, has this id."""


class UnknownRecipe(DuelbotError):
    """No recipe, or no version of one, has this id or name."""
