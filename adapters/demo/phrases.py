"""How people state each fact: alternatives in [a|b|], slots in {braces}.

`sentence` forms follow a subject of their own, `note` forms are the clipped ones of a list or a hurried line.
"""
# ruff: noqa: E501 - one way to say it is one line

LABELLED = "[labelled|labelled|labelled|labeled|annotated|hand-labelled|tagged|hand-checked]"
PAIRS = "[examples|examples|examples|samples|pairs|cases|{thing}|{thing}|data points|training examples]"
HAVE = "[have|have|have|have got|'ve got|own|collected|got|gathered|hold]"

EXAMPLES = {
    "sentence": f"""we {HAVE} {{n}} {LABELLED} {PAIRS}
there are {{n}} {LABELLED} {PAIRS}
{{n}} {LABELLED} {PAIRS} [are available|exist|are ready|are there|have been collected|so far]
we {HAVE} [about|around|roughly|some|nearly|maybe|approximately|more or less|exactly|at least|just over|probably] {{n}} {LABELLED} {PAIRS}
our [data|data set|dataset|training set|collection|archive] [has|holds|contains|counts|is] {{n}} {LABELLED} {PAIRS}
{{n}} of our {{thing}} [are|have been|were] [labelled|annotated|tagged|labelled by hand|checked by experts]
[someone|a colleague|the interns|our experts|an agency] [labelled|annotated|tagged] {{n}} {{thing}} [for us|last year|already|in the past|]
we [have|own] {{thing}}, {{n}} of them [labelled|annotated|tagged|with labels]
as for data, [we have|there are|about] {{n}} {LABELLED} {PAIRS}
we [labelled|annotated|tagged|collected labels for] {{n}} {{thing}} [already|so far|last year|]
we have {{n}} [labels|good examples|gold answers|question and answer pairs|input and output pairs|labelled rows]
we managed to [label|annotate|collect] {{n}} [examples|{{thing}}]""",
    "note": f"""{{n}} {LABELLED} {PAIRS}
{{n}} {LABELLED} {PAIRS}
{{n}} examples
{{n}}+ examples
{{n}}+ {LABELLED} {PAIRS}
{{n}} labels
{{n}} labelled
{{n}} {{thing}} labelled
about {{n}} {LABELLED} {PAIRS}
data: {{n}} [labelled|annotated] {PAIRS}
labels: {{n}}
examples: {{n}}
training data: {{n}} [{{thing}}|pairs|examples]
[around|roughly|some|maybe|over] {{n}} examples""",
}
NO_EXAMPLES = {
    "sentence": f"""we [have no|don't have any|do not have|haven't got any|have not a single|lack] {LABELLED} [examples|data|{{thing}}|samples]
there [are no|aren't any|is not one of our] {LABELLED} [examples|{{thing}}|samples] [yet|at all|so far|]
[nobody|no one] [has labelled|has annotated|labelled|ever labelled|has tagged] [anything|any of the {{thing}}|the {{thing}}|a thing] [yet|so far|]
we have no labels [yet|at all|whatsoever|so far|]
[nothing|none of it|none of our {{thing}}] [is|has been|was] [labelled|annotated|tagged] [yet|so far|]
we have [lots of|plenty of|{{big}}] [raw|unlabelled] {{thing}} but [no labels|none of them labelled|nothing labelled]
we have [{{big}}|lots of] {{thing}}, [not one of them|none|none of them] labelled
[labelled|annotated] data [does not exist|doesn't exist|is missing|we don't have]
our {{thing}} [are not|aren't|have not been] [labelled|annotated|tagged] [yet|at all|]
we are starting [from zero|from scratch|with nothing], no [labels|examples|labelled data]
we have zero [examples|labels|labelled data|training data]
without any [labelled data|labels|examples] we [have to start|must begin]""",
    "note": f"""no labels
no {LABELLED} [data|examples]
no labels [yet|at all]
zero [labelled examples|labels|examples|training data]
no training data
no examples
labels: none
data: nothing labelled
examples: none
nothing labelled
only unlabelled {{thing}}
0 labelled examples""",
}
ACCESS_NO = {
    "sentence": """we [have no|don't have|do not have|lack|haven't got] access to the [weights|model weights|training tools|weights or any training tools|model itself]
the [weights|model weights] are [closed|not available|not open|secret|not ours|out of reach|kept by the vendor|hidden|private|locked away]
the [model|system] is [closed|a closed one|proprietary|hosted by a vendor and closed|only available through an API|behind an API|a black box]
we [can't|cannot|can not|are not able to|are not allowed to|may not|aren't allowed to] [train|fine-tune|retrain|touch|change|adapt] [the model|it|the weights|anything]
[the vendor|the provider|our supplier|the cloud contract|head office|our IT|the licence] [does not allow|doesn't allow|forbids|won't allow|rules out|does not offer|offers no|doesn't permit] [training|fine-tuning|access to the weights|touching the weights]
we only [have|get|use|call] [an API|an API key|the API|a chat API|API access|a hosted model|a web interface]
[training|fine-tuning|tuning] is [impossible|not possible|not allowed|not an option|out of the question|forbidden|not offered|switched off] [for us|here|with our vendor|]
we [use|are stuck with|rely on|work with|rent] a [hosted|closed|commercial|vendor's|third-party] model [that we cannot train|without any training access|and cannot train it|whose weights we never see|, no weights]
there is no way [to train|for us to train|to fine-tune] [the model|it|anything]
we have no [training tools|GPU and no training tools|tools for training|means to train|possibility to train]
nobody [lets|will let] us [train|near the weights|fine-tune|touch the weights]
all we [have|get] is an [API|API key|endpoint|API endpoint]""",
    "note": """no access to [weights|the weights|model weights|training|training tools]
closed [model|API|weights]
API only
only an API key
no weights
no training [possible|allowed|tools|access]
[can't|cannot] [train|fine-tune] [the model|it|]
weights: [closed|none|not available|no access]
training: [no|not possible|not allowed|impossible]
access: none
model: [closed|closed API|hosted by vendor, no weights|proprietary]
hosted model, no training
vendor's model without weights""",
}
ACCESS_YES = {
    "sentence": """we [have|have got|'ve got] [full|complete|] access to the [weights|model weights|training tools|weights and the tools|weights and a GPU]
the weights are [open|ours|available|public|on our disk|on our own server|there]
we can [train|fine-tune|retrain] [the model|it|models|our own model|] [ourselves|in house|on our own machines|on our own hardware|on a rented GPU|any time|]
we [host|run|operate] [the model|an open model|an open-weights model|our own model|the thing] [ourselves|on our own servers|in house|locally|]
we [use|work with|run|chose|have] an [open|open-weights|open source|open-source] model [that we can train|and can train it|]
[training tools|a GPU for training|a training pipeline|GPUs and training code] [are|is] [available|there|in place|at hand]
the model [is ours|is open|can be trained|is open source|belongs to us|runs on our own server|may be trained]
[training|fine-tuning|tuning] is [possible|technically possible|no problem|allowed|an option] [for us|here|]
we have [a GPU|two GPUs|a training machine|a cluster|an A100] and the weights
we control the [model|weights|whole stack]""",
    "note": """open weights
weights available
can train
we can train
own GPU
own model
weights: [ours|open|yes|available]
training: [yes|possible|ok|no problem]
access: [full|yes|weights and tools]
self-hosted [model|]
open [source|] model
model: [open|open weights|ours|self-hosted]
full access to the weights
we own the weights""",
}
TOPIC = """[the categories|our categories|the task|the rules|our rules|the guidelines|the requirements|what we ask for|what is asked for|the policy|the format|the instructions|the labels|the label set|our needs|the questions|the topics|the answers|the style guide|the specification|the form|the product|the catalogue|the content|the prices|the wording|the schema|the criteria]"""
CHANGE_VERB = "[change|change|change|are updated|get updated|are revised|are rewritten|are changed|move|shift|get replaced|are edited]"
CHANGE = {
    "sentence": f"""{TOPIC} {CHANGE_VERB} {{period}}
{TOPIC} {CHANGE_VERB} {{period}}
{TOPIC} {CHANGE_VERB} [about|roughly|more or less|usually] {{period}}
{{period}} {TOPIC} {CHANGE_VERB}
{{period}} there [is|are] [a new version of the rules|new rules|new categories|an update|some change in what is asked]
{{period}} [someone|marketing|the boss|legal|management|the client] changes [the rules|the categories|what is asked for|the task|the guidelines]
[what the model must do|the task|what it should answer|what people want] changes {{period}}
expect [changes|updates|new rules|new categories] {{period}}
we [change|update|revise|rewrite|rework] {TOPIC} {{period}}""",
    "note": f"""changes {{period}}
changes {{period}}
changing {{period}}
updated {{period}}
rules change {{period}}
revised {{period}}
{{period}} changes
change rate: {{period}}
changes: {{period}}
updates: {{period}}
{TOPIC} changing {{period}}""",
}
STABLE = {
    "sentence": f"""{TOPIC} [are|stay|remain] [stable|fixed|the same|very stable|quite stable|rather stable|constant]
{TOPIC} [never|hardly ever|rarely|almost never|seldom|do not|don't|practically never] [change|change any more|get changed]
{TOPIC} [have not|haven't] changed [in years|for years|for {{years}} years|since {{year}}|for a decade|for ages]
{TOPIC} [have been|are] the same [for years|for {{years}} years|since {{year}}|every year]
[nothing|hardly anything|very little|almost nothing] [changes|ever changes|has changed in years|changed since {{year}}|will change]
the task is [stable|fixed|very stable|always the same|set in stone|a constant one]
it is always the same [task|kind of question|{{small}} questions|{{small}} categories|thing]
[no changes are|no change is] [expected|planned|coming|in sight]
{TOPIC} will [stay|remain] [as they are|the same|fixed] [for years|for a long time|]""",
    "note": """stable
stable [task|categories|rules|labels|domain|requirements|taxonomy]
[never|hardly ever|rarely] changes
no changes
[nothing|hardly anything] changes
changes: [never|rare|none|hardly any]
[fixed|unchanging] [task|rules|categories|format]
same [task|rules|categories] for years
unchanged since {year}
change rate: [none|very low]""",
}
DEADLINE = {
    "sentence": """[we|we|i] need [it|this|something|a solution|an answer machine|the thing|a first version|results] {by}
it [must|has to|needs to|should] [work|be ready|be live|run|go live|be done|be in production|be finished] {by}
[launch|go-live|the deadline|the release|delivery|the demo] is {by}
[the boss|my boss|management|the client|the customer|the board|my manager] wants [it|this|results|to see it|something] {by}
we [go live|launch|ship|start|present it|must deliver|have to deliver|want to launch|go to production] {by}
[it is|it's|this is] needed {by}
[the system|the bot|it] goes [live|online] {by}
{by} [it must work|we go live|it has to run|we need it|we must show something]""",
    "note": """needed {by}
deadline {by}
deadline: {by}
due {by}
launch {by}
[live|ready|running] {by}
must be ready {by}
go-live {by}
time: {by}
needed: {by}""",
}
NO_HURRY = {
    "sentence": """[there is|we have] [no hurry|no rush|plenty of time|no deadline|lots of time|time enough|no time pressure]
[time is not a problem|we are in no hurry|we can take our time|the deadline is far away|nobody is in a hurry]
it can [wait|take a while|take as long as it needs|take months]""",
    "note": """no [rush|hurry|deadline|time pressure]
plenty of time
deadline: none
time: plenty""",
}
ASKED = "[requests|requests|requests|calls|queries|{thing}|{thing}|questions|messages|hits|inputs|predictions]"
VOLUME = {
    "sentence": f"""we [get|receive|see|handle|process|serve|have|answer|expect|deal with] {{n}} {ASKED} {{unit}}
there are {{n}} {ASKED} {{unit}}
[about|around|roughly|some|nearly|up to|on average|probably] {{n}} {ASKED} {{unit}} [come in|arrive|are expected|must be handled|]
[volume|traffic|load|the volume|our traffic] is [about|around|roughly|] {{n}} {ASKED} {{unit}}
{{n}} {ASKED} {{unit}} [come in|arrive|reach us|have to be answered|must be processed|go through it|are expected]
we [get|expect|process|handle] [about|around|roughly|some|nearly|maybe|at least] {{n}} {ASKED} {{unit}}
the [system|bot|service|model] [gets|will get|must handle|would answer|sees] {{n}} {ASKED} {{unit}}
{{unit}} we [get|handle|process|answer] [about|] {{n}} {ASKED}
it will be used {{n}} times {{unit}}""",
    "note": f"""{{n}} {ASKED} {{unit}}
{{n}} {ASKED} {{unit}}
{{n}} {ASKED} {{unit}}
{{n}} {{unit}}
[about|around|roughly|some] {{n}} {{unit}}
volume: {{n}} {{unit}}
volume {{n}} {{unit}}
traffic: {{n}} {ASKED} {{unit}}
requests: {{n}} {{unit}}
load: {{n}} {{unit}}""",
}
STRICT = {
    "sentence": """[it|the answers|the output|everything|the result|every answer] [must|has to|needs to] be [very precise|very exact|exact|correct every time|absolutely correct|perfectly correct|extremely accurate|right every time|spot on]
[errors|mistakes|wrong answers] are [very costly|expensive|not acceptable|not allowed|dangerous|unacceptable|not tolerated|a disaster]
[strict|very high|the highest|extreme] [precision|accuracy] is [required|needed|demanded|essential|a must]
we [need|require|must have] [strict|very high|extreme|top] [precision|accuracy]
we [cannot|can't] [afford|accept|allow|risk] [mistakes|errors|a single mistake|any errors|wrong answers]
a [wrong|false] [answer|result|label] [costs a lot|costs us dearly|could hurt someone|is a legal risk|is not acceptable|would be a catastrophe]
there is zero tolerance for [errors|mistakes]""",
    "note": """strict precision
must be [exact|precise|very precise|very accurate]
[high|very high|strict] precision [needed|required]
no mistakes allowed
zero tolerance for errors
errors [are costly|not acceptable]
precision: [strict|critical|very high]
accuracy: [critical|must be perfect]
very exact answers needed""",
}
FIELD = {
    "sentence": """it is a [special|very special|highly specialised|narrow|technical] [domain|field|area] [with its own vocabulary|with its own language|full of jargon|that few people know|]
the [language|vocabulary|text] is [very special|highly technical|full of jargon|domain-specific|expert language]
[it is|it's|this is] [a {field} topic|{field} text|{field} language|{field} material|a {field} task|from the {field} field]
[the texts|the documents|our documents|the inputs|the {thing}] are [{field}|{field} ones|very {field}|full of {field} terms]
it needs [expert knowledge|{field} knowledge|expert vocabulary|{field} vocabulary|specialist language]
we work in [a special domain|a very special field|the {field} domain|the {field} field|{field}]
only [experts|specialists|{field} experts] understand [the texts|it|the {thing}]""",
    "note": """special domain
[very technical|specialised|special|{field}] domain
{field} [texts|text|documents|language|terms|data|domain]
domain: [special|highly technical|{field}|{field}]
expert [vocabulary|language]
{field}""",
}
LOOSE = {
    "sentence": """[a few|some|occasional] [mistakes|errors] [are fine|are ok|are no problem|do not matter|don't matter|are acceptable|don't hurt]
[precision|accuracy] [is not critical|is not so important|does not matter much|isn't critical]
[it is|it's] [everyday language|plain everyday text|nothing special|general text|a general topic]
nobody [minds|cares about] [a mistake|an error] now and then
there is nothing special about the [texts|language|domain|{thing}]
good enough is good enough""",
    "note": """[a few|some] mistakes are [fine|ok]
errors don't matter
nothing special
general domain
precision: not critical
everyday language""",
}
DOMAIN = {
    "sentence": """[we|we|i] [want|need|would like|plan|are trying|have] to {use} {expert}
[the task|the job|our task|the goal|our use case|it] is to {use} {expert}
[it is|it's] about {expert}
[we work|the work is|this is] with {expert}
the model should {use} {expert}
[the texts|our documents|the inputs|our data] are {expert}""",
    "note": """{expert}
task: {use} {expert}
domain: {expert}
to {use} {expert}
for {expert}""",
}
TASK = {form: text.replace("expert", "thing") for form, text in DOMAIN.items()}
FEW = {
    "sentence": f"""we [only|] have [a handful|a few|very few|hardly any|only a few] [of {LABELLED}|{LABELLED}] {PAIRS}
there are [hardly any|very few|only a few|just a handful of] {LABELLED} {PAIRS}
[a handful|a few|very few] of our {{thing}} [are|have been] [labelled|annotated]""",
    "note": f"""[a handful of|very few|hardly any|just a few] [{LABELLED}|] [examples|{{thing}}|samples]
labels: [very few|hardly any|a handful]
just a few labels""",
}
MANY = {
    "sentence": f"""we have [thousands of|many thousands of|tens of thousands of|millions of|several thousand] {LABELLED} {PAIRS}
there are [thousands of|many thousands of|tens of thousands of|hundreds of thousands of] {LABELLED} {PAIRS}
[thousands|tens of thousands|many thousands] of our {{thing}} [are|have been] [labelled|annotated]""",
    "note": f"""[thousands of|many thousands of|tens of thousands of|several thousand] {LABELLED} [examples|{{thing}}|samples]
labels: [thousands|tens of thousands|many thousands]""",
}
HIGH = {
    "sentence": """[the volume|traffic|the load|our traffic] is [very high|huge|enormous|massive|really high]
we [get|expect|handle|process] [millions of|hundreds of thousands of|huge numbers of] [requests|{thing}|calls|messages] [a month|a day|every day|each month|]
it is a high-volume [task|service|job]""",
    "note": """[high|huge|very high|massive] [volume|traffic|load]
volume: [high|huge|very high|millions a month]
millions of [requests|calls] [a month|a day|]""",
}
LOW = {
    "sentence": """[the volume|traffic|the load|our traffic] is [very low|small|tiny|low]
we [get|expect|handle] [hardly any|very few|only a few|a handful of|only dozens of] [requests|{thing}|calls|messages] [a month|a day|a week|]
it is [rarely|hardly] used""",
    "note": """[low|tiny|very low|small] [volume|traffic|load]
volume: [low|tiny|very low]
hardly any [traffic|requests]""",
}
UNKNOWN = {  # a fact that is said to be unknown is a missing fact
    "examples": """[we do not know|we don't know|no idea|not sure|nobody knows|nobody counted|i have no idea] how [many|much] [labelled examples|labels|labelled data|labelled {thing}|examples|data] [we have|there are|exist]
labels: [unknown|?|not counted|not clear]
the number of [labels|labelled examples|examples] is [unknown|unclear|not known]
we still have to count [the labels|our examples|what is labelled]""",
    "change_days": """[hard to say|no idea|not clear|we can't say|nobody knows] how often [the task|it|the rules] [changes|change|will change]
change rate: [unknown|?|unclear]
how often [it|the task] changes is [unknown|unclear|open]""",
    "volume_month": """[no idea|not sure|we don't know|nobody knows] how many requests [we will get|will come|to expect|there are]
volume: [unknown|?|not known yet]
[traffic|the volume|the load] is [unknown|not known yet|unclear|hard to predict]""",
    "deadline_days": """[no date is fixed|the deadline is not fixed|nobody told us a deadline|the date is open|deadline unknown]""",
}
