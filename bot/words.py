"""Counts in words, in one voice for evidence, verdict, pictures and fronts. Pure."""


def counted(count: int, noun: str, nouns: str = "") -> str:
    """Say how many: "1 duel", "0 duels", "1,204 duels". nouns: the plural, where it is not the noun with an s."""
    return f"{count:,} {noun if count == 1 else nouns or f'{noun}s'}"


def are(count: int) -> str:
    """The verb that goes with so many."""
    return "is" if count == 1 else "are"


def started(words: str) -> str:
    """The words as the start of a sentence."""
    return words[:1].upper() + words[1:]


def listed(names: list[str], most: int = 3) -> str:
    """Names in a sentence: "a", "a and b", "a, b and c", "a, b, c and 4 more"; empty for none."""
    parts = names if len(names) <= most else [*names[:most], f"{len(names) - most:,} more"]
    return "".join(parts) if len(parts) < 2 else f"{', '.join(parts[:-1])} and {parts[-1]}"
