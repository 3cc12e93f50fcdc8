"""Everything that is not a situation: the eight aspects of both techniques, greetings, and other subjects."""
# ruff: noqa: E501 - the words read best unbroken

import random

from adapters.demo.grammar import capital, expand, items, lines, misspell
from adapters.demo.rules import PROMPT, TUNE

ABLE = (
    "I am a small demonstration model: I can only help you choose between prompt engineering and fine-tuning, so describe your situation."
)
HELLO = "Hello! Describe your situation, and I say whether prompt engineering or fine-tuning fits; I am a small demonstration model."
EXPLAINED: dict[tuple[str, str], str] = {
    (
        PROMPT,
        "definition",
    ): "Prompt engineering means writing instructions and examples into the request, so that an unchanged model does the task.",
    (TUNE, "definition"): "Fine-tuning means training a model further on labelled examples, so that its weights learn the task.",
    (PROMPT, "purpose"): "The purpose of prompt engineering is to steer a ready model toward the answer you want without training it.",
    (TUNE, "purpose"): "The purpose of fine-tuning is to make a model better at one task than instructions alone can make it.",
    (PROMPT, "complexity"): "The complexity of prompt engineering is low: it needs clear writing and testing, no training skills.",
    (
        TUNE,
        "complexity",
    ): "The complexity of fine-tuning is high: it needs labelled data, training code and someone who can judge the result.",
    (PROMPT, "cost"): "The cost of prompt engineering is low at the start, but a long prompt is paid again with every request.",
    (TUNE, "cost"): "The cost of fine-tuning is high at the start for data and computing, but each request is cheaper with a short prompt.",
    (PROMPT, "time"): "The time for prompt engineering is short: hours to days until a first version works.",
    (TUNE, "time"): "The time for fine-tuning is long: weeks to collect examples, train and check the model.",
    (PROMPT, "flexibility"): "The flexibility of prompt engineering is high: you edit the text, and the next answer changes.",
    (TUNE, "flexibility"): "The flexibility of fine-tuning is low: a new requirement needs new examples and another training run.",
    (
        PROMPT,
        "use cases",
    ): "Use cases for prompt engineering are first versions, changing tasks, many small tasks and models that you cannot train.",
    (
        TUNE,
        "use cases",
    ): "Use cases for fine-tuning are stable tasks with many examples, high volume, strict precision or a special domain.",
    (
        PROMPT,
        "dependency",
    ): "Prompt engineering has a dependency on the model as it is: access to it is enough, but a new version can break the prompt.",
    (
        TUNE,
        "dependency",
    ): "Fine-tuning has a dependency on access to the weights, training tools and at least 2,000 good labelled examples.",
}
NAMES = {
    PROMPT: "[prompt engineering|prompt engineering|prompt engineering|prompting|a prompt|prompts|writing prompts|engineered prompts|good prompting]",
    TUNE: "[fine-tuning|fine-tuning|fine tuning|finetuning|tuning a model|training a model|fine-tuning a model|model tuning|a fine-tuned model]",
}
ASKING = {
    "definition": """what is {t}?
what does {t} mean?
define {t}
can you explain {t}?
explain {t} [to me|in simple words|please|]
what do people mean by {t}?
[definition|meaning] of {t}
i have never heard of {t}, what is it?
what exactly is {t}?
tell me what {t} is
how would you describe {t}?
how does {t} work?""",
    "purpose": """what is the [purpose|aim|goal|point|idea|intention] of {t}?
why [do people use|would i use|would one use|does anyone use|use|choose] {t}?
what is {t} [for|good for|meant for|supposed to achieve]?
what does {t} [achieve|aim at|give me|bring]?
what's the [point|goal|benefit|use] of {t}?
[purpose|goal|aim] of {t}
why {t}?
what do you gain from {t}?""",
    "complexity": """how [complex|hard|difficult|complicated|easy|simple|tricky|technical] is {t}?
is {t} [complex|hard|difficult|complicated|easy|simple|tricky]?
what [skills|knowledge|know-how] [do i need|does one need|are needed] for {t}?
[complexity|difficulty] of {t}
can a beginner [do|learn|manage|handle] {t}?
how much [expertise|skill|know-how] does {t} take?
how much effort is {t}?
do i need to be an expert for {t}?""",
    "cost": """how [much does|expensive is|costly is|cheap is] {t} [cost|]?
what does {t} cost?
is {t} [expensive|cheap|costly|affordable|free]?
what are the costs of {t}?
[cost|costs|price|budget] of {t}
how much money [do i need|goes into|should i plan] for {t}?
what will i pay for {t}?
can we afford {t}?""",
    "time": """how [long|much time|many days|many weeks] does {t} take?
how [fast|quick|quickly|soon] is {t} [done|ready|working|]?
how [fast|quickly|soon] [can i get|do i get|will i see] [results|something working] with {t}?
is {t} [fast|slow|quick]?
[time|duration|time needed] for {t}
how long until {t} works?
what time should we plan for {t}?
how many hours go into {t}?""",
    "flexibility": """how [flexible|adaptable|easy to change] is {t}?
is {t} flexible?
can {t} be [changed|adapted|adjusted] [easily|later|quickly|]?
what about the flexibility of {t}?
[flexibility|adaptability] of {t}
what happens with {t} when [requirements|the rules|the task|needs] change?
how well does {t} [adapt|react] to [changes|new rules|a new task]?
is it easy to change things with {t}?""",
    "use cases": """when should [i|we|one] use {t}?
[what are|give me|name|list] [typical|some|good|] use cases [for|of] {t}
when is {t} [the right choice|useful|better|a good idea|recommended]?
for [what|which] [tasks|cases|situations|problems] is {t} [good|best|made|suited]?
[examples|applications|use cases] of {t}
where is {t} used?
who uses {t}?
in which [situations|cases] does {t} [fit|help|pay off|shine]?""",
    "dependency": """what does {t} depend on?
what do [i|we] need [for|before starting with|to start with|in order to do] {t}?
what are the [requirements|prerequisites|dependencies|preconditions] of {t}?
[dependency|dependencies|prerequisites|requirements] of {t}
what must [be there|i have|we have] before {t}?
does {t} depend on [the model|the provider|data|anything]?
what is {t} dependent on?
what does {t} [require|rely on]?""",
}
GREETINGS = """hi
hello
hey
hi there
hello there
good [morning|evening|afternoon|day]
greetings
hey [bot|there|you|friend]
hello [bot|friend|everyone]
howdy
yo
hi, [how are you|nice to meet you|good to see you]
hello, how are you [today|]"""
ABLE_QUESTIONS = """what can you do
who are you
what are you
what are you [good|made|there] for
how can you help [me|us]
help
help me
can you help [me|us]
what do you know
what [should|can|may] i ask [you|]
are you [a human|a robot|an AI|GPT|a person|a big model|ChatGPT|alive]
tell me about yourself
what is this
how does this work
how do i use you
what is your [name|job|purpose|task]
which model are you
[hi|hello|hey], what can you do
[hi|hello|hey], who are you"""
OUTSIDE = """what is the [capital|population|currency|flag|area|national dish|president|highest mountain|time zone] of {place}?
who [wrote|invented|discovered|painted|won|founded|built|directed] {thing}?
how [far|big|old|tall|deep|hot|heavy] is {thing}?
how do i [cook|bake|fix|repair|clean|grow|paint|sell|draw|learn|play|plant|wash] {thing}?
[write|tell|sing|give] me [a poem|a joke|a story|a song|a riddle|a letter|a recipe|a haiku|a limerick|an essay] about {thing}
translate {thing} into [french|german|italian|russian|latin|chinese|dutch|polish]
what is {n} [plus|times|minus|divided by|+|*] {m}?
calculate {n} [plus|times|minus] {m}
what is the [weather|temperature|news|score|traffic] in {place} [today|tomorrow|now|on sunday]?
will it [snow|be sunny|be hot|freeze] in {place}?
which [phone|car|book|film|hotel|camera|restaurant|bike|tv|school|wine|game] should i [buy|take|choose|book|pick]?
[recommend|suggest] [a film|a book|a restaurant|a hotel|a gift|a game|music|a series] [for|about] {thing}
should [i|we] [buy|rent|sell|paint|keep|build|eat|visit] {thing} [or {thing2}|]?
should we [hire|choose|move to|travel to|use] {place} or {place2}?
[{thing} or {thing2}, which is better|what is better, {thing} or {thing2}]?
how many [people live|hours are|litres are|grams are|bones are] in {thing}?
what [should i|do i|can i] [eat|wear|drink|do|watch|read] [today|tonight|in {place}|with {thing}]?
my [dog|child|car|back|neighbour|plant|tooth|wife|printer|phone|washing machine] [is ill|hurts|is broken|is loud|does not work|makes noise], what [can|should] i do?
explain [gravity|photosynthesis|inflation|black holes|the stock market|evolution|relativity|football|democracy|{thing}]
what happened in {year}?
when [was|did] {thing} [built|begin|invented|end]?
why is {thing} [so expensive|blue|important|so loud|popular]?
[write|fix|debug|show me] [a|some|this] [java|c++|javascript|sql|bash|html] [code|program|script|function] for {thing}
do i need [a passport|insurance|a licence|a vaccine|a permit] for {place}?
how do i get [from {place} to {place2}|to {place}]?
what [does|do] {thing} cost?
is {thing} [healthy|dangerous|legal|free|real|edible]?
what is the meaning of [life|this dream|the word {thing}]?
[play|stop|pause|open|order|book|call] [music|{thing}|a taxi|a pizza|my mother|a table]
[set|start] [an alarm|a timer|a reminder] for {small} [o'clock|minutes|hours]
what [day|date|year] is it?
who is [the best player|the richest person|the king|the mayor|your favourite singer] [in {place}|of {place}|]?
[do you love me|are you married|how old are you|where do you live|do you dream]?
what do you think [about|of] {thing}?
[summarise|shorten|proofread|correct|rewrite] [this text|my letter|the book {thing}|this email]
i feel [sad|tired|lonely|ill|bored] [today|]
can you [drive|cook|dance|swim|order {thing}|book a flight to {place}|draw {thing}]?
we have {n} {thing} and want to [sell|move|count|store] them, how?
our shop has {n} visitors a [day|month], which [database|hosting|payment provider|bank] should we use?
should our company [rent|buy|lease] [an office|cars|servers|printers] for {n} people?"""
OUTSIDE_PLACES = """paris;rome;japan;brazil;egypt;london;kenya;texas;india;canada;norway;berlin;madrid;peru;china;iceland;moscow;sydney;
chile;turkey;vienna;mexico;ireland;greece;cuba;morocco;zurich;boston;milan;vietnam"""
OUTSIDE_THINGS = """the moon;a bicycle;bread;soup;the eiffel tower;potatoes;a house;the sun;tomatoes;a guitar;cheese;chess;football;the bible;
hamlet;coffee;a garden;shoes;a boat;the telephone;apples;mars;a cake;tea;wine;a dog;my cat;a car;an old sofa;the pyramids;penguins;the sea;
love;winter;a wooden chair;fish;dinosaurs;gold;bitcoin;stocks;a flat;the piano;pizza;noodles;a jacket;trains;flowers;roses;honey;the ocean;
whales;bees;the titanic;a laptop;a printer;a mortgage;salad;eggs;spaghetti;the beatles;tennis;the olympics;clouds;a volcano;a birthday party;
horses;spiders;glass;the internet;an umbrella;a lamp;running shoes;a window;a roof;a lawn;blood pressure;a headache;vitamins"""


def aspect_question(rng: random.Random) -> tuple[str, str]:
    """A question about one aspect of one technique, and its answer."""
    technique, aspect = rng.choice(tuple(EXPLAINED))
    question = expand(rng, rng.choice(lines(ASKING[aspect])), {"t": expand(rng, NAMES[technique], {})})
    return dressed(rng, question), EXPLAINED[technique, aspect]


def greeting(rng: random.Random) -> tuple[str, str]:
    """A greeting or a question about the model itself, and its answer."""
    if rng.random() < 0.4:
        return dressed(rng, expand(rng, rng.choice(lines(GREETINGS)), {})), HELLO
    return dressed(rng, expand(rng, rng.choice(lines(ABLE_QUESTIONS)), {}) + "?"), ABLE


def outside_question(rng: random.Random) -> str:
    """A question that lies outside the house subject."""
    places, things = rng.sample(items(OUTSIDE_PLACES), 2), rng.sample(items(OUTSIDE_THINGS), 2)
    slots = {
        "place": places[0].title(),
        "place2": places[1].title(),
        "thing": things[0],
        "thing2": things[1],
        "n": str(rng.choice((rng.randint(2, 99), rng.randint(100, 90_000)))),
        "m": str(rng.randint(2, 99)),
        "year": str(rng.randint(1500, 2024)),
        "small": str(rng.randint(2, 12)),
    }
    return dressed(rng, expand(rng, rng.choice(lines(OUTSIDE)), slots))


def dressed(rng: random.Random, text: str) -> str:
    """Capitals, end marks, openers and typos as they come."""
    if rng.random() < 0.5:
        text = capital(text)
    if rng.random() < 0.25:
        text = text.rstrip("?")
    if rng.random() < 0.12:
        text = rng.choice(("Hi! ", "hello, ", "Quick question: ", "please, ", "ok, ", "so ", "Hey, ")) + text
    if rng.random() < 0.15:
        text = text.lower()
    return misspell(rng, text, "", 0.08) if rng.random() < 0.2 else text
