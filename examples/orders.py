"""Write rows for which a prompt is enough: messages with an order number, and that number as the answer.

    .venv/bin/python examples/orders.py --learn 120 --choose 60 --measure 200 > orders.jsonl

The reports orders and orders-two in docs/reports were made of such rows.
"""

import argparse
import json
import random
import sys
from collections.abc import Iterator

from engine.near import LIMIT, grams, jaccard

COLOURS = ("blue", "green", "red", "brown", "white", "grey", "yellow", "striped")
THINGS = ("kettle", "blanket", "plate", "tray", "stool", "desk", "mirror", "lamp", "rug", "chair", "bowl", "shelf")
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
OPENINGS = (
    "Where is my {thing}? It should be {colour}.",
    "My {colour} {thing} has not come yet.",
    "Hello, I ordered a {colour} {thing} last {day}.",
    "We waited all {day} for the {colour} {thing}.",
    "The {thing} in {colour} that you sent is not what I wanted.",
    "Please send the {colour} {thing} to my neighbour instead.",
    "I have paid twice for one {colour} {thing}.",
)
NUMBERS = ("Order {number}, paid by card.", "The order number is {number}, I think.", "See order {number} please.", "It is order {number}.")
CLOSINGS = (
    "Can you help?",
    "Please call me on {day}.",
    "Thanks, {name}.",
    "My {person} is waiting.",
    "The {other} came without trouble.",
    "I need it by {day}.",
)
NAMES = ("Gil", "Ana", "Tom", "Mira", "Jo", "Lena", "Sam", "Ines")
PEOPLE = ("brother", "neighbour", "mother", "landlord", "daughter")


def row(chance: random.Random, role: str) -> dict[str, str]:
    """Draw one message; its number has five digits, none of them zero at the start."""
    number = str(chance.randrange(10_000, 100_000))
    thing, other = chance.sample(THINGS, 2)
    words = {
        "thing": thing,
        "other": other,
        "colour": chance.choice(COLOURS),
        "day": chance.choice(DAYS),
        "name": chance.choice(NAMES),
        "person": chance.choice(PEOPLE),
        "number": number,
    }
    text = " ".join(chance.choice(part) for part in (OPENINGS, NUMBERS, CLOSINGS)).format(**words)
    return {"request": text, "answer": number, "role": role}


def rows(chance: random.Random, many: dict[str, int]) -> Iterator[dict[str, str]]:
    """Draw so many rows of each role, no two of them nearly alike, as near-duplicates must have one role together."""
    drawn: list[frozenset[str]] = []
    for role, wanted in many.items():
        left = wanted
        while left:
            found = row(chance, role)
            own = grams(found["request"])
            if all(jaccard(own, other) < LIMIT for other in drawn):
                drawn.append(own)
                left -= 1
                yield found


def main() -> None:
    """Print the rows that the command line asks for, as JSON lines."""
    parser = argparse.ArgumentParser(description="Messages with an order number to find, as JSON lines.")
    for option, role, many in (("--learn", "train", 120), ("--choose", "dev", 60), ("--measure", "test", 200)):
        parser.add_argument(option, dest=role, type=int, default=many, metavar="N", help=f"rows with the role {role}; else {many}")
    parser.add_argument("--seed", type=int, default=0, help="another seed draws other messages")
    asked = parser.parse_args()
    for found in rows(random.Random(asked.seed), {role: getattr(asked, role) for role in ("train", "dev", "test")}):
        sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
