"""An evaluation set: rows with references answered by each arm and scored without votes. It stands beside the votes, never in them.

rows.py     the rows of a set, checked whole before anything is answered
run.py      every row answered with every arm, scored, and kept as it comes
answers.py  the answers beside what was expected, for people and for programs
"""
