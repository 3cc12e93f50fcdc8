"""Rows before a training: checked, cleaned where that was accepted, and split so that nothing is measured on what was learned.

Pure but for reading.py and command.py: rows in, findings and roles out.

rows.py        a row as training sees it: its request with what was said before, its answer, its class
join.py        groups of near-duplicates among 100,000 texts, exact and in seconds
contact.py     what must not be taught: secrets, card and account numbers, e-mail addresses, phone numbers
findings.py    kinds of findings, each with its fix; rows with their lines, and what a fix makes of them
repeats.py     duplicates, near-duplicates and contradictions
uses.py        rows whose request has another use: test rows, examples, evidence
answers.py     empty and one-word answers, classes and their balance, lengths in tokens
split.py       train, dev and test by request group; five folds where rows are few
check.py       all of it on a file
report.py      a check for people and as JSON
reading.py     files of rows, tokenizers of bases, rows written
command.py     the verbs below `adapters data`
"""
