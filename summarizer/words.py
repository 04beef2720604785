"""Word lists of the languages that meetings are held in most; what is not listed is treated as content."""


def _set(*texts: str) -> frozenset[str]:
    return frozenset(word for text in texts for word in text.split())


FILLERS = _set(
    "uh uhh um umm uhm erm er mm mmm hm hmm mhm mm-hmm uh-huh mm-mm äh ähm öh öhm euh heu eh ehm hum ähhm э ээ"
)
"""Sounds of hesitation."""

WORDS_ELSEWHERE = _set("um er eh")
"""Those of them that are words in other languages than English: "um zehn", "er kommt", "um dia"."""

BACKCHANNEL = _set(
    "yeah yep yes okay ok right no nope mm sure cool good great oh ah alright so well and but like the a i just it's",
    "'kay groovy hey hi ja nein genau gut oui non bon si sí no vale claro bueno sì va bene da нет да",
)
"""Words that, alone, only show that somebody listens."""

ANSWERS = _set(
    "yes no yeah yep nope agreed exactly never okay ok right sure ja nein genau oui non sí no sì da нет да",
    "absolutely definitely",
)
"""First words of an answer to a question or a request."""

AGREES = _set(
    "yes yeah yep sure okay ok 'kay right absolutely definitely certainly fine mm-hmm mhm gladly will",
    "ja gern gerne klar natürlich mach mache einverstanden oui volontiers certainement sí claro vale bueno",
    "sì certo va volentieri sim goed prima doe",
)
"""Words of those who agree to do what they are asked."""

REFUSES = _set("no nope not nein nicht non pas nee niet não can't won't don't")
"""Words of those who do not."""

SHORT = _set("a an i in on at of or the to we he so no is it as be but do go for her his our per pro us you who")
"""Short words that are no beginnings of longer ones that broke off."""

STARTERS = _set(
    "a an the this that these those it its it's they their there he she his her we our you i in on at by for from to",
    "of and but or if as so then also overall finally additionally furthermore moreover however meanwhile after before",
    "during while when since because although both each all some many most several one two three everyone everybody",
    "nobody participants speakers members team discussion meeting recording conversation call key next no not another",
    "into onto upon within over under between among across around",
    "other regarding despite given what who how why where with without let please first second third",
)
"""Words that begin sentences and are no names."""

GENERIC = _set(
    "project projects meeting meetings team teams group groups member members process processes work works working",
    "discuss discusses discussed discussing discussion discussions present presents presented presenting presentation",
    "manage manages managed manager role roles responsible topic topics thing things way ways part parts aspect",
    "aspects idea ideas need needs importance important various different several about end ends ended",
    "conversation purpose goal goals focus focuses related overall next step steps plan plans planned",
)
"""Words that any summary of any meeting may have, in English."""

JOINS = _set("and but or so because und aber oder denn weil et mais ou donc parce y pero porque e ma però mas en maar")
"""Words that begin what goes on."""

SAYS = _set(
    "will would is was are were has had have should can could must said says asked asks suggests suggested proposed",
    "proposes agreed agrees wants wanted thinks believes mentioned mentions explained noted notes discussed plans",
    "emphasized highlighted stated needs offered promised and also then to",
)
"""Words before which a capitalized word is somebody."""

SPEAKS = _set(
    "says said suggests suggested proposes proposed mentions mentioned explains explained states stated notes noted",
    "thinks believes recommends recommended argues argued advises advised emphasizes emphasized complains complained",
    "reports reported adds added offers offered provides provided informs informed confirms confirmed describes",
    "described",
    "sagt sagte gesagt schlagt schlug vorgeschlagen erklart erklarte meint meinte berichtet",
    "berichtete erwahnt erwahnte betont betonte empfiehlt empfahl bietet",
    "dit propose suggere explique mentionne precise ajoute indique recommande confirme informe",
    "dice dijo propuso sugiere sugirio explica explico menciona menciono comenta comento recomienda",
    "ofrece ofrecio confirma informa",
    "detto suggerisce spiega menziona consiglia",
    "diz disse propoe propos sugeriu explicou mencionou recomenda",
    "zegt zei noemt noemde meldt meldde",
)
"""Verbs after which stands what somebody said, without accents."""

FIRST_PERSON = {
    "en": _set("i i'm i'll i've i'd my me mine myself ourselves we we're we'll we've us our ours"),
    "de": _set("ich mir mich mein meine meinen meiner wir uns unser unsere unseren unserem"),
    "fr": _set("je j'ai moi nous notre nos nôtre nôtres"),
    "es": _set("yo nosotros nuestro nuestra nuestros nuestras"),
    "it": _set("io noi nostro nostra nostri nostre"),
    "pt": _set("eu nós nosso nossa nossos nossas"),
    "nl": _set("ik mij mijn wij we ons onze"),
}
"""Words by which somebody speaks of himself, by language: a summary with them repeats what was said word for word."""

VAGUE = _set(
    "something anything everything thing things stuff little bit about some this that these those them with from more",
    "a an the and or of in on at to for by it its him her his our your their you us me all do be is up out",
    "etwas alles dinge sache sachen bisschen mehr daruber davon damit der die das den dem ein eine und es im am zu zum",
    "quelque chose choses tout cela ca peu plus avec le la les un une des de du et en au aux sur pour",
    "algo cosa cosas todo poco esto eso sobre mas con el los las una y del al lo por para",
    "qualcosa cose tutto questo quello piu il gli e di da per con uno",
    "alguma coisa coisas tudo pouco isso isto mais o os as um uma em no na do da com",
    "iets ding dingen beetje meer het een van met over",
)
"""Words that name nothing, without accents."""

DATES = _set(
    "monday tuesday wednesday thursday friday saturday sunday january february april june july august september",
    "october november december montag dienstag mittwoch donnerstag freitag samstag sonntag januar februar märz juni",
    "juli oktober dezember lundi mardi mercredi jeudi vendredi samedi dimanche janvier février avril juin juillet",
    "août septembre octobre novembre décembre lunes martes miércoles jueves viernes sábado domingo enero febrero",
    "abril junio julio agosto septiembre octubre noviembre diciembre",
)
"""Days and months that are nothing else; "may" and "march" are."""

EVERYONE = _set("everyone everybody all team group we us alle wir tous todos tutti")
"""Owners who are nobody in particular."""

NOTHING = _set("none n/a na nobody unknown unspecified null nil -") | {"not specified", "not mentioned", "not said"}
"""What models write where there is nothing to say."""
