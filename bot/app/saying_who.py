"""Answers that say which side they are: whoever reads one is no longer blind, so its duel is no evidence. Pure.

Only the first person tells: "as the fine-tuned model, I …" does, "as the fine-tuned model learns, its loss falls" is about a model. What
stands in the request too was said by the asker and tells nothing.
"""

import re
from collections.abc import Iterable, Mapping

from bot.ballots import Entrant
from bot.store import AnswerRecord
from bot.who import Who

MOST = 80  # characters of the words that are kept
_KIND = r"(?:fine[- ]?tuned|finetuned|tuned|untuned|lora|prompt[- ]engineered|prompted|base)"
_WHAT = r"(?:model|version|variant|assistant|side|arm|llm|adapter|chatbot|ai)"
_ONE = rf"(?:a|an|the|your)\s+(?:\w+[- ]){{0,2}}?{_KIND}\s+(?:\w+\s+)?{_WHAT}\b"
_FIRST = r"(?:i|my|i['’](?:m|ll|ve|d))\b"
_ABOUT = r"(?:\s+(?:of|for|in|on|trained|here)\b[^.!?\n]{0,60}?)?"  # "… of this duel", "… trained on your tickets"
_TELLING = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\bas\s+{_ONE}(?={_ABOUT}\s*,?\s*(?:{_FIRST}|it(?:['’]s|\s+is)\s+my\b))",
        rf"\b(?:speaking|answering|responding|replying|writing)\s+(?:here\s+)?as\s+{_ONE}",
        rf"\bi(?:['’]m|\s+am|['’]ll|\s+will|\s+can)?\s+(?:answer|speak|respond|reply|write)\b[^.!?\n]{{0,40}}\bas\s+{_ONE}",
        rf"\bi(?:['’]m|\s+am)\s+(?:not\s+)?(?:\w+ly\s+|just\s+)?{_ONE}",
        r"\bi(?:['’]m|\s+am|\s+was|\s+have\s+been|['’]ve\s+been)\s+(?:not\s+)?(?:\w+ly\s+)?"
        r"(?:fine[- ]?tuned|finetuned|prompt[- ]engineered)\b",
        r"\bthis\s+(?:answer|reply|response)\s+(?:comes\s+from|is\s+from|was\s+(?:written|given)\s+by|is\s+by)\s+"
        rf"(?:a|the)\s+{_KIND}\s+{_WHAT}\b",
        r"\bmy\s+(?:own\s+)?(?:system\s+(?:prompt|message|text)|lora(?:\s+adapter)?|fine[- ]tuning|engineered\s+prompt)\b",
        r"\b(?:the|a)\s+system\s+(?:prompt|message|text)\s+(?:that\s+)?(?:i\s+(?:was|am|have\s+been)\s+given"
        r"|(?:tells|told|asks|instructs|instructed)\s+me)\b",
        r"\bi\s+(?:was|am|have\s+been)\s+(?:told|instructed|asked)\s+(?:in|by)\s+(?:my|the)\s+(?:system\s+)?(?:prompt|recipe)\b",
    )
)


def says_who(request: str, answers: Mapping[Entrant, AnswerRecord]) -> str:
    """Find the words by which an answer says which side it is; "": none does."""
    whos = [answer.who for answer in answers.values()]
    arms_differ = len({who.arm for who in whos}) > 1
    for answer in answers.values():
        if found := telling_words(answer.text, request, _names(whos), arms_differ=arms_differ):
            return found
    return ""


def telling_words(text: str, request: str, names: Iterable[str] = (), *, arms_differ: bool = True) -> str:
    """Find the words of one answer that tell. names: of recipes and adapters, as Duelbot writes them.

    arms_differ: whether one side is fine-tuned and the other is not; where both are the same, only names can tell.
    """
    asked = _plain(request)
    patterns = (*(_TELLING if arms_differ else ()), *(re.compile(rf"(?<![\w@.-]){re.escape(name)}(?![\w@.-])") for name in names))
    for pattern in patterns:
        for match in pattern.finditer(text):
            if (said := _plain(match[0])) not in asked:
                return said[:MOST]
    return ""


def _names(whos: Iterable[Who]) -> Iterable[str]:
    """Write the names that one side has and the other has not, each so that no ordinary text contains it by chance."""
    named = [{(kind, each) for kind, each in (("recipe", who.recipe), ("adapter", who.adapter)) if each} for who in whos]
    shared = named[0].intersection(*named[1:]) if named else set()
    for kind, each in set().union(*named) - shared:
        yield f"{each.name}@{each.version}"
        yield f"{kind} {each.name} {each.version}"


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()
