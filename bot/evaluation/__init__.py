"""An evaluation set: rows with references answered by each arm and scored without votes. It stands beside the votes, never in them.

schema.py   whether JSON fits a schema, within a time
metrics.py  how an answer is scored against its row
rows.py     the rows of a file, checked whole
run.py      every arm answers every row; the report
answers.py  the answers beside what was expected
"""
