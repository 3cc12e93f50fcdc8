"""An evaluation set: rows with references answered by each arm and scored without votes. It stands beside the votes, never in them.

schema.py   whether a JSON value fits a JSON Schema, within a time
metrics.py  how an answer is scored against its row: shares in [0, 1]
rows.py     the rows of a set, checked whole before anything is answered
run.py      every row answered with every arm, scored, and kept as it comes
answers.py  the answers beside what was expected, for people and for programs
"""
