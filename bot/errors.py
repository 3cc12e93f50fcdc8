"""What can go wrong around people and their ballots; str(error) is the sentence to show.

DuelbotError
├── StoreError              the store cannot be opened, read or written; nothing was changed
├── BallotRefused           this duel takes no such ballot now
└── UnknownDuel             there is no duel, or no conversation, with this id
"""

from engine.errors import DuelbotError


class StoreError(DuelbotError):
    """The store cannot be opened, read or written. Whatever was being done is undone and can be done again."""


class BallotRefused(DuelbotError):
    """The duel is not open for ballots: not answered yet, closed, or void."""


class UnknownDuel(DuelbotError):
    """No duel, or no conversation, has this id."""
