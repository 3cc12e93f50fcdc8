"""Tags as teams write them: names of figures, marks of formatting, other scripts, the longest that are taken."""

TAGS = (
    "from",
    "to",
    "both bad",
    "share of votes",
    "chance of rain",
    "offline exact match",
    "to: from: 62%",
    "break-even",
    "**bold** [a](http://e.x) `c`",
    "@everyone <@1> # - > |",
    "שלום עולם",
    "حالة الدعم",
    "发注",
    "$x$ {0} %s \\n",
    "a\u202eb\u2066",
    "x" * 40,
)
