"""What stands around the facts: domains, questions, openers, asides, and the follow-up that changes one fact."""
# ruff: noqa: E501 - one way to say it is one line

EVERYDAY = """support tickets;customer emails;product reviews;product descriptions;chat logs;chat messages;invoices;job adverts;
recipes;song lyrics;travel offers;hotel reviews;forum posts;meeting notes;call transcripts;phone calls;surveys;survey answers;
newsletters;blog posts;press releases;tweets;social media posts;complaints;orders;returns;delivery notes;warranty requests;
purchase orders;receipts;timesheets;bug reports;commit messages;release notes;code reviews;help desk tickets;FAQ answers;
event descriptions;property listings;car adverts;dating profiles;game reviews;film summaries;book blurbs;news articles;headlines;
sports reports;weather texts;quiz questions;school essays;homework answers;course descriptions;applications;resumes;cover letters;
menu entries;wine descriptions;fashion captions;image captions;podcast transcripts;subtitles;donation letters;member letters;
parking fines;lost and found reports;maintenance logs;sensor logs;machine logs;shift reports;incident reports;field reports;
inspection notes;shipping labels;addresses;calendar entries;reminders;push messages;ad texts;slogans;search queries;SQL questions;
spreadsheets;forms;leads;sales calls;sales notes;quotes;offers;tenders;visitor questions;booking requests;cancellations;feedback forms;
tickets;emails;messages;conversations;documents;letters;texts;questions;answers;requests;notes;records;rows;items;articles;summaries;
translations;dialogues;transcripts;descriptions;comments;replies;reports;entries;snippets;phrases;utterances;intents"""
EXPERT = """radiology reports;discharge letters;clinical notes;pathology reports;patient letters;prescriptions;lab results;medical questions;
drug leaflets;doctor's letters;nursing notes;surgery notes;dental records;legal contracts;contract clauses;court rulings;legal opinions;
wills;patents;patent claims;tax rulings;tax filings;audit reports;insurance policies;loan contracts;compliance reports;safety reports;
chemical data sheets;toxicology reports;aviation incident reports;flight manuals;reactor logs;engineering drawings;welding protocols;
geological surveys;gene annotations;protein descriptions;clinical trial protocols;vaccine reports;customs declarations;
building codes;bank regulations;legal briefs;statutes;medical codes;diagnoses;ECG readings;veterinary records"""
USES = """sort;classify;summarise;answer;tag;route;rewrite;translate;extract data from;score;draft replies to;check;label;clean up;group;
rank;index;turn into tables;respond to;triage;read;process;handle;categorise;paraphrase;shorten;filter;moderate"""
PLACES = """small bank;hospital;town hall;insurance company;web shop;travel agency;newspaper;university;school;museum;hotel chain;start-up;
software house;call centre;car maker;law firm;tax office;energy supplier;bakery chain;sports club;library;airline;charity;farm
cooperative;publisher;radio station;game studio;consultancy;construction firm;logistics company;pharmacy;supermarket;theatre;
fintech;telecom;housing association;ministry;research lab;factory;nonprofit;family business;school district;clothing brand"""
FIELDS = """medical;legal;pharmaceutical;chemical;clinical;financial;nuclear;tax;patent;biotech;military;veterinary;dental;aviation;scientific;
biological;actuarial;geological;regulatory;banking;juridical;surgical;astronomical;maritime;customs;engineering"""
QUESTIONS = """[should we|should i|do we|shall we] [fine-tune|fine tune|finetune|tune|train] or [prompt|just prompt|write a prompt|engineer a prompt|use a prompt]?
[prompt|prompting|prompt engineering] or [fine-tuning|fine tuning|tuning|finetuning|training]?
[fine-tune|finetune|fine tune|train] or prompt?
[what should we do|what would you do|what do you recommend|what do you suggest|which one|which way|which way should we go|which is better|what's best|what now|which technique|which technique fits]?
[should we|should i|can we|do we need to] [fine-tune|fine tune|finetune|train] [our model|the model|a model|it|]?
is [fine-tuning|finetuning|a prompt|prompting|prompt engineering|training] [worth it|the right way|the right choice|enough|better|a good idea] [here|for us|for me|in this case|]?
[would|does] [fine-tuning|a prompt|prompt engineering] [make sense|be better|be enough|be the better way] [here|for us|in our case|]?
which [one|technique|method|approach|way] [would you pick|would you choose|do you recommend|fits|is right|should we choose|makes sense|is better for us]?
how should we [go about it|start|proceed|approach this|do this]?
[your|any] [advice|recommendation|opinion|thoughts|idea]?
do i need to [fine-tune|train a model] for [this|that] or [will a prompt do|is a good prompt enough]?
is it time to [fine-tune|train], or is [a prompt|prompting] enough?
[prompt engineering|a prompt] vs [fine-tuning|training|tuning]?
what's the right [choice|technique|approach|call] [here|for us|]?
help us [decide|choose], [please|prompt or fine-tuning|prompt or tune]
we are [torn|undecided|not sure|debating] [between prompting and fine-tuning|whether to fine-tune|whether to prompt or to fine-tune]
[should we|should i] [fine-tune|train a model|use a prompt], and [what would it cost|how long would it take|what are the risks|how do we start]?
which one, and [why|how long does it take|what does it cost|what is the first step]?
is [a prompt|fine-tuning] [the better choice|right for us], and what [is the risk|comes next|should we watch]?
[please advise|tell us what to do|please help|need your advice]
i [wonder|am wondering] [whether to fine-tune|if we should fine-tune|whether a prompt is enough|which way to go]"""
OPENERS = """hi;hello;hey;hi there;good morning;hello everybody;ok;so;well;quick question;question;dear bot;hey there;good evening;listen;right;
here is our case;our situation;here's the situation;a question from a beginner;some background;context;hi team;thanks in advance"""
FILLERS = """we are a {place}
i work for a {place}
we're a {place} with {people} people
my team has {people} people
there are {small} of us
our budget is {money} [dollars|euros|]
we can spend [about|up to|] {money} [dollars|euros]
we [started|began] in {year}
the project [started|began] {small} [weeks|months|years] ago
[the texts|the documents|they] are [about|around|] {pages} [pages|words|lines] long
we [support|have|need] {small} languages
we have [been at it|worked on this|discussed it] for {small} [weeks|months]
my boss [likes|loves|read about|keeps talking about] [AI|fine-tuning|prompts|chatbots]
our competitor [already does it|fine-tunes|uses a chatbot]
we [tried|tested] [a prompt|ChatGPT|a small model] [once|last year|before] [and it was ok|and it was so-so|]
i am [new to this|no expert|a beginner|an engineer|a project manager|the only developer]
the [answers|output] should be in [English|German|French|Spanish|{small} languages]
we use [python|java|kubernetes|a small server|the cloud]
[money|the budget] is [tight|not a problem|limited|approved]
[people|users|customers|colleagues] [like|asked for|are waiting for] it
the model has {small} billion parameters
our prompt is [about|] {pages} words long
{people} [users|people|colleagues|agents] will [use it|work with it]
latency should be under {small} seconds
we have {big} [raw|unlabelled] [documents|texts|files|pages] [too|in the archive|on disk]
we [ship|sell] to {small} countries
the office is in [Lyon|Porto|Leeds|Vienna|Austin|Oslo|Pune|Quito]
it is [for a pilot|an internal tool|for our website|for the app]
everything runs on {small} servers
the results go into [a database|a report|a dashboard|an email]
we sell [shoes|insurance|software|furniture|tickets|coffee|tools|books]"""
FOLLOW = """[and|] [what] if {fact}
and if {fact}
what if {fact}
what if {fact} instead
but what if {fact}
ok, and if {fact}
[now|so|ok|then] [suppose|imagine|assume|say] {fact}
suppose {fact}
[would it be different|does it change|does that change|is it different] if {fact}
[and|ok but] what would you say if {fact}
actually, {fact}
[sorry|correction|update|small change|news]: {fact}
[wait|hm|hmm|ok], {fact}
{fact}. what now
[and|ok, and|but] with {note}
[and|] with {note} instead
same, but {fact}
[and|] in case {fact}
[then|and then] imagine {fact}"""
