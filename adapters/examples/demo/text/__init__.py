"""What people say of the demo subject, and what the house answers; the same text for the same seed.

rules.py       facts in, one of three decisions out
numbers.py     numbers as people write them
grammar.py     alternatives, slots, capitals, typos
phrases.py     the phrases, in text files: phrases/*.txt, one for each fact and three for what stands around them
statements.py  one fact, or several at once, as a sentence
chat.py        everything that is no situation: aspects, greetings, other subjects
situations.py  facts as a whole message
answers.py     the four slots of an answer, and the formats in which a recipe may ask for them
subjects.py    other subjects, other rules over the same facts, number drills
"""
