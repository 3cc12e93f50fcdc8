"""The sentences of the bot on Discord. Pure."""

from collections.abc import Sequence
from datetime import datetime

from bot.ballots import Choice
from bot.fronts.discord.fit import inline
from bot.views import DuelView, Post, Reveal, RevealedSide
from bot.words import ARMS, CHOICES, figures, listed, made_of, priced, seconds, tallied, who_was
from engine.duel import Side

WENT_WRONG = "An error in Duelbot broke this off, and its log has the details. Look at what is shown now before you try it again."
LEAVING = "Duelbot is being stopped, so it takes no new requests. Try again in a few minutes."
INTERRUPTED = "Duelbot was stopped while this was being answered. Ask it again."
GONE = "The message of this duel was deleted, so both answers were stopped."
NO_SENDING = "I may not write here: I need the permissions View Channel and Send Messages (in threads: Send Messages in Threads)."
NOT_TAKEN = "-# Not taken; its asker is told why."
OLD_FORM = "Duelbot was updated while you typed, and this form is no more. Use the menu of the message again."
FIFTEEN = "-# I am not a member here, so Discord lets me change this message for 15 minutes only: vote before that."
ANOTHER_DAY = "-# One of the answers is of another day, so their times and costs are not compared."
TOKEN_ENDS = "Discord lets me write here for 15 minutes only, and they end before both answers are there. Ask it again."

HELP = """\
**Duelbot settles "prompt or fine-tune?" with your own requests.** Each is answered twice, blind; you vote; then you see who was who.
- **Ask**: mention me with a request, also in a reply to one of my answers to go on, write me a direct message, or use `/compare`.
- A reply that only talks about an answer asks nothing; one that begins with my name does.
- **On any message**: Apps → *Compare answers*, or *Compare with this context*.
- **Vote**: the buttons under the answers. Secret; you can change or undo it until the vote closes.
- `/open` what waits for your vote · `/notify` a ping when a vote closes
- `/verdict` which technique to use · `/results` how the votes went · `/history` find and go on with earlier ones
- `/recipe`, `/adapter` what meets here · `/new` begin a new conversation in a direct message
- `/decide` from a file of examples · `/settings`, `/limits`, `/export`, all for admins
- **Moderators** close votes with the button, and remove a duel: Apps → *Remove this duel*; so do askers with their own.
- `/consent` may your duels train adapters? · `/forget` delete what I keep of you
What I keep: requests, answers, ballots, and the ids of people and messages."""


def went_wrong(kept: str) -> str:
    """Tell of a bug. kept: what had been done by then."""
    return f"{kept} An error in Duelbot keeps me from showing you more; its log has the details." if kept else WENT_WRONG


def asker_words(asker: str) -> str:
    """Name a person as Discord shows them; never a ping, for no mention is allowed."""
    platform, _, number = asker.partition(":")
    return f"<@{number}>" if platform == "discord" and number.isdigit() else "Somebody"


def moment(at: datetime, style: str = "R") -> str:
    """Write a time that Discord shows in the reader's own zone."""
    return f"<t:{int(at.timestamp())}:{style}>"


def running_words(view: DuelView, ahead: int, wait_s: float | None) -> str:
    """Write the line under a duel that is being answered. ahead: duels before it; wait_s: seconds that they will take."""
    if view.note and view.state == "waiting":
        return view.note
    said = f"{view.note} " if view.note else ""
    if ahead and not any(side.text for side in view.sides.values()):
        about = f", about {seconds(wait_s)}" if wait_s is not None and wait_s >= 1 else ""
        return f"{said}{ahead} ahead of you{about}."
    return f"{said}Answering …"


def vote_words(view: DuelView, post: Post) -> str:
    """Write the line under a duel that is open: how many have voted, and when the vote closes. Never how they voted."""
    said = f"{view.note}\n" if view.note else ""
    if post.alone:
        return f"{said}**Which answer is better?** Vote, and see who was who."
    voted = "Nobody has voted yet." if not view.ballots else f"{view.ballots} {'has' if view.ballots == 1 else 'have'} voted."
    ends = ["at the first vote" if post.quorum == 1 else f"at {post.quorum} votes"] if post.quorum else []
    ends += [moment(post.closes_at)] if post.closes_at else []
    closes = f" Closes {' or '.join(ends)}." if ends else ""
    return f"{said}**Which answer is better?** {voted}{closes}"


def side_was(side: Side, revealed: RevealedSide) -> str:
    """Say who sat on one side, with what it is made of."""
    return f"**{side.label} was {ARMS[revealed.arm].named}** ({made_of(revealed.recipe, revealed.adapter)})"


def reveal_words(view: DuelView) -> str:
    """Say who was who, the tally, and what each side took; of equal answers why there is no tally, and what to do next."""
    assert view.reveal is not None
    sides = view.reveal.sides
    lines = [side_was(side, sides[side]) for side in Side]
    first, last = (view.note, step_words(view)) if view.reveal.auto_tie else (tallied(view.reveal.tally), view.note)
    took = [figure_table(view.reveal), f"-# {priced(sides.values())}"] if is_timed_together(view.reveal) else [ANOTHER_DAY]
    return "\n".join([*lines, first, *took, last]).strip()


def is_timed_together(reveal: Reveal) -> bool:
    """Whether both answers were written for this duel; where two versions of a recipe met, one was written on another day."""
    one, other = reveal.sides.values()
    return one.contestant_id == other.contestant_id or (one.arm, one.adapter) != (other.arm, other.adapter)


def step_words(view: DuelView) -> str:
    """Say what to do after equal answers; a request as a quotation, which people can copy where buttons are late."""
    if view.next_step is None:
        return ""
    request = view.next_step.request
    return f"{view.next_step.words}\n> {inline(request, 300)}" if request else view.next_step.words


def figure_table(reveal: Reveal) -> str:
    """Write latency, tokens and cost of both sides in columns of one width."""
    rows = [("", [side.label for side in reveal.sides]), *((row.label, row.cells) for row in figures(reveal.sides.values()))]
    widths = [max(len(label) for label, _ in rows), *(max(len(cells[column]) for _, cells in rows) for column in range(2))]
    lines = [f"{label:<{widths[0]}}  {cells[0]:>{widths[1]}}  {cells[1]:>{widths[2]}}" for label, cells in rows]
    return "```\n" + "\n".join(lines) + "\n```"


def receipt_words(view: DuelView, choice: Choice) -> str:
    """Tell the voter alone what is kept of their vote."""
    said = f"Your vote: **{CHOICES[choice]}**."
    if view.state == "closed":
        return f"{said} The vote has closed; the message shows who was who."
    return f"{said} It is secret; you can change it with the buttons until the vote closes."


def link(post: Post) -> str:
    """Write the address of a duel's message."""
    return f"https://discord.com/channels/{post.team or '@me'}/{post.channel}/{post.message}"


def moved_words(address: str) -> str:
    """Say where a duel is shown, in the place of its second message."""
    return f"This is shown in another message: {address}"


def not_here(why: str, channels: Sequence[str]) -> str:
    """Say where requests are taken in a server. channels: their ids."""
    return f"{why} {listed([f'<#{channel}>' for channel in channels[:20]])}"


def told_elsewhere(view: DuelView, request: str, channel: str) -> str:
    """Tell the asker alone of a close, when the duel's message can show the reveal no more."""
    why = f"-# I cannot change its message in <#{channel}> any more: it is archived and locked, or I may not."
    return f"{told_words(view, request, [view.asker])}\n{why}"


def told_words(view: DuelView, request: str, people: Sequence[str]) -> str:
    """Tell these people, once, that the vote has closed without them: its asker, and voters who want to know."""
    assert view.reveal is not None
    named = ", ".join(asker_words(each) for each in people)
    return f"{named}, the vote on “{request}” has closed. {who_was(view.reveal)} {tallied(view.reveal.tally)}"
