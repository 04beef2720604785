"""Languages: their English names, and which one a text is in."""

import re
from collections import Counter

_NAMES = """
af Afrikaans,am Amharic,ar Arabic,as Assamese,az Azerbaijani,ba Bashkir,be Belarusian,bg Bulgarian,bn Bengali,
bo Tibetan,br Breton,bs Bosnian,ca Catalan,cs Czech,cy Welsh,da Danish,de German,el Greek,en English,es Spanish,
et Estonian,eu Basque,fa Persian,fi Finnish,fo Faroese,fr French,gl Galician,gu Gujarati,ha Hausa,haw Hawaiian,
he Hebrew,hi Hindi,hr Croatian,ht Haitian Creole,hu Hungarian,hy Armenian,id Indonesian,is Icelandic,it Italian,
ja Japanese,jw Javanese,ka Georgian,kk Kazakh,km Khmer,kn Kannada,ko Korean,la Latin,lb Luxembourgish,ln Lingala,
lo Lao,lt Lithuanian,lv Latvian,mg Malagasy,mi Maori,mk Macedonian,ml Malayalam,mn Mongolian,mr Marathi,ms Malay,
mt Maltese,my Burmese,ne Nepali,nl Dutch,nn Norwegian Nynorsk,no Norwegian,oc Occitan,pa Punjabi,pl Polish,
ps Pashto,pt Portuguese,ro Romanian,ru Russian,sa Sanskrit,sd Sindhi,si Sinhala,sk Slovak,sl Slovenian,sn Shona,
so Somali,sq Albanian,sr Serbian,su Sundanese,sv Swedish,sw Swahili,ta Tamil,te Telugu,tg Tajik,th Thai,tk Turkmen,
tl Tagalog,tr Turkish,tt Tatar,uk Ukrainian,ur Urdu,uz Uzbek,vi Vietnamese,yi Yiddish,yo Yoruba,yue Cantonese,
zh Chinese
"""
NAMES = dict(entry.strip().split(" ", 1) for entry in _NAMES.replace("\n", "").split(","))
"""English name by Whisper language code."""

# One script, one language: good enough to answer in the language of the transcript.
_SCRIPTS = (
    ("ja", "\u3040-\u30ff"),
    ("ko", "\uac00-\ud7af\u1100-\u11ff"),
    ("zh", "\u4e00-\u9fff"),
    ("th", "\u0e00-\u0e7f"),
    ("lo", "\u0e80-\u0eff"),
    ("km", "\u1780-\u17ff"),
    ("my", "\u1000-\u109f"),
    ("el", "\u0370-\u03ff"),
    ("he", "\u0590-\u05ff"),
    ("hy", "\u0530-\u058f"),
    ("ka", "\u10a0-\u10ff"),
    ("hi", "\u0900-\u097f"),
    ("bn", "\u0980-\u09ff"),
    ("pa", "\u0a00-\u0a7f"),
    ("gu", "\u0a80-\u0aff"),
    ("ta", "\u0b80-\u0bff"),
    ("te", "\u0c00-\u0c7f"),
    ("kn", "\u0c80-\u0cff"),
    ("ml", "\u0d00-\u0d7f"),
    ("si", "\u0d80-\u0dff"),
    ("am", "\u1200-\u137f"),
    ("ar", "\u0600-\u06ff"),
    ("ru", "\u0400-\u04ff"),
)
_SCRIPT_PATTERNS = tuple((code, re.compile(f"[{span}]")) for code, span in _SCRIPTS)
_FAMILY_MARKS = (
    ("ru", "uk", re.compile("[іїєґ]")),
    ("ru", "be", re.compile("[ў]")),
    ("ru", "sr", re.compile("[ђћџљњ]")),
    ("ar", "fa", re.compile("[پچژگ]")),
    ("ar", "ur", re.compile("[ٹڈڑےں]")),
)

_COMMON = {
    "en": "the and of to is that you we it for have not with this are was what they will be on i'm it's don't",
    "de": "der die das und ist nicht wir ich ein eine zu mit auf für haben dass auch sich es dem den sind noch",
    "fr": "le la les et est pas nous vous je une des que dans pour avec sur ce qui on il elle ne c'est du au",
    "es": "el la los las que y no es en un una por con para se lo como pero está más muy al del hay esto nos",
    "it": "il la che e non è di un una per con sono si lo ma come anche del della abbiamo questo più ho gli nel",
    "pt": "o a os que e não é de um uma para com se por como mas está mais do da em são isso nós você foi ao",
    "nl": "de het een en is niet we ik dat van op te zijn voor met die er maar ook wat naar aan hebben jij nog",
    "pl": "i w nie na się że to jest z do o jak ale co po tak dla za od będzie mamy czy już są ten tego",
    "sv": "och det att i en är vi som inte på jag för med har ett av den så om kan till ska men också",
    "da": "og det at i en er vi som ikke på jeg for med har et af den så om kan til skal men også",
    "no": "og det at i en er vi som ikke på jeg for med har et av den så om kan til skal men også hva",
    "fi": "ja on ei se että me hän oli ovat mutta kun niin myös tämä mitä olen olemme voi sitten kuin",
    "tr": "ve bir bu için de da ne ama çok var biz ben değil gibi daha olarak sonra kadar bunu şey evet",
    "cs": "a je to se na že v ne s jsem ale jak co by pro tak už jsme bude má které nebo jsou",
    "ro": "și nu că în de la cu pe un o este sunt mai ce pentru dar avem fost să am asta",
    "hu": "a az és nem hogy egy van is de meg ez mi volt már csak lesz kell mert vagy itt",
    "id": "yang dan di ini itu tidak kita untuk dengan ada dari akan bisa saya juga sudah ke pada",
    "vi": "và là của không có chúng ta cho được này một các với người trong đã cũng thì tôi",
    "ca": "el la els que i no és de un una per amb es però com més del hem això està molt",
}
_COMMON_WORDS = {code: frozenset(words.split()) for code, words in _COMMON.items()}
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)?")
_SAMPLE = 40_000
"""Characters that are looked at: the beginning of a long text."""


def name(code: str) -> str:
    """Return the English name of a language. Raises KeyError."""
    return NAMES[code]


def detect(text: str) -> str:
    """Return the code of the language that most of the text is in, or "" if there is too little to tell."""
    text = text[:_SAMPLE].lower()
    letters = sum(character.isalpha() for character in text)
    for code, pattern in _SCRIPT_PATTERNS:
        # Japanese mixes kana with Chinese signs, and names in Latin letters occur everywhere.
        if len(pattern.findall(text)) > (0.1 if code == "ja" else 0.3) * letters:
            return _within_family(code, text)
    words = Counter(_WORD.findall(text))
    scores = {code: sum(words[word] for word in common) for code, common in _COMMON_WORDS.items()}
    best = max(scores, key=lambda code: scores[code])
    return best if scores[best] >= max(1, 0.08 * words.total()) else ""


def _within_family(code: str, text: str) -> str:
    for family, member, marks in _FAMILY_MARKS:
        if family == code and len(marks.findall(text)) > 0.01 * len(text):
            return member
    return code
