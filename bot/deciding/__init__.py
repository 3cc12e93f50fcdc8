"""From a file of examples to a decision: both crafts done at their best within a budget, measured on rows that neither has seen.

order.py      what was ordered, the folder of a decision, and how far it is
classes.py    which class of answers each row belongs to
budget.py     who gets how many minutes
change.py     a small change made on both sides: a class gets another name
measured.py   answers of the arms to the test rows, as JSON lines
telling.py    the test rows on which the two crafts answer differently
gaps.py       what the scores prove: differences between arms that hold however often one looks
asking.py     the test rows asked in a process of its own: all arms together, then each alone
facts.py      figures that no wanted answer states: likely made up
findings.py   all that a decision has found, as values
advice.py     which technique to use, in one paragraph that says no more than the figures hold
children.py   steps that load a model, as processes of their own
steps.py      one step after the other, from where it was stopped
gathering.py  from the files of a decision to its findings
pictures.py   the figures as pictures
report.py     the report: one page to send on
showing.py    a decision in a terminal: its steps, and what was found
deciding.py   a decision from an order to its report
"""
