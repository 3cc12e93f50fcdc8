"""Prompt engineering by program: a recipe written from rows, and a search for a better one within a budget. It knows no vote and no store.

For other code:

    rows = by_role(read_rows(file, name).rows, start)                 engine.optimise.roles
    order = Optimisation(start, rows, metric, Budget(calls=240), seed=0)     engine.optimise.run, engine.optimise.budget
    found = await optimise(order, Engine(backend, price), folder, stop=stop, tell=tell)   engine.optimise.run, .asking

`start` None lets one be written from the training rows. `found` (Optimised) has the new recipe, its dev and test figures with the start's,
what was spent, and the trail of candidates; nothing is activated. With the same folder the same order goes on where it was stopped.

    findings = lint(recipe, rows=rows, metric=metric)                 engine.optimise.lint

`lint` finds what is known to hurt in a recipe, each with its place; `line_numbers` tells the places' lines in a TOML text.

budget.py     what may be spent, and what has been
journal.py    every answer on the disk: the state that a search goes on from
looking.py    what is asked of a model that tells how likely an answer is
choosing.py   examples for coverage and likeness
wording.py    instructions written from the answers that rows want
writing.py    a first recipe from training rows alone
lint.py       what is known to hurt in a prompt, found before it is kept
race.py       candidates compared on the same rows
asking.py     rows asked within the budget, none twice
roles.py      which rows are for what
proposing.py  new candidates, and children of good ones
reflecting.py  instructions rewritten by another model
search.py     generations of candidates, each a race
run.py        an order in, a measured recipe out
status.py     how far a search is, in a file
words.py      a result for people, as a recipe's file, as JSON
command.py    the verb optimise
linting.py    the verb lint
"""
