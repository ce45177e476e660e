# SPDX-License-Identifier: Apache-2.0
"""The phrases captions are made of: for every movement and every course over time, several wordings.

A pair per movement: clauses ("the brows are raised") and noun phrases ("raised brows", used after "with"). `{}` is where a word of
degree goes. The words describe what is seen and never name an emotion; `BANNED_STEMS` lists what must not occur.
"""

# Single adverbs, because they fit before adjectives, verbs and after an article alike.
SLIGHT = ("slightly", "mildly", "somewhat", "faintly")
MARKED = ("markedly", "strongly", "clearly", "distinctly")

# Movement -> (clauses, noun phrases).
MOVEMENTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "brows_up": (
        (
            "the eyebrows are {} raised",
            "both brows go {} up",
            "the brows are {} lifted high",
            "the forehead is {} wrinkled by raised brows",
        ),
        ("{} raised eyebrows", "{} lifted brows", "brows that are {} arched and raised"),
    ),
    "inner_up": (
        (
            "the inner ends of the brows are {} raised",
            "the inner brows are {} drawn up",
            "the middle of the forehead is {} lifted",
        ),
        ("{} raised inner brows", "inner brow ends that are {} drawn up"),
    ),
    "outer_up": (
        ("the outer ends of the brows are {} raised", "the outer brows are {} lifted"),
        ("{} raised outer brows", "outer brow ends that are {} lifted"),
    ),
    "one_brow": (
        ("one eyebrow is {} raised", "a single brow is {} lifted", "one brow goes {} up while the other stays"),
        ("one {} raised eyebrow", "a single brow {} lifted"),
    ),
    "frown": (
        (
            "the brows are {} furrowed",
            "the eyebrows are {} lowered and drawn together",
            "the brow is {} knitted",
            "the forehead is {} wrinkled in a frown",
        ),
        ("{} furrowed brows", "{} lowered eyebrows", "brows {} knitted together", "a {} frowning forehead"),
    ),
    "oblique": (
        (
            "the inner brows are {} pulled up and together",
            "the eyebrows slant {} upwards in the middle",
            "the furrowed brows rise {} at their inner ends",
        ),
        (
            "brows {} raised and furrowed in the middle",
            "{} slanting, furrowed brows",
            "inner brows {} drawn up and together",
        ),
    ),
    "up_and_together": (
        (
            "the raised eyebrows are {} drawn together",
            "the brows are {} lifted and furrowed at once",
            "the brows are {} raised and pulled together",
        ),
        ("{} raised and furrowed eyebrows", "brows {} lifted and drawn together"),
    ),
    "eyes_wide": (
        (
            "the eyes are {} wide open",
            "the eyes are {} widened",
            "the upper lids are {} raised",
            "the eyes are {} staring",
        ),
        ("{} widened eyes", "{} wide-open eyes", "wide eyes with {} raised lids"),
    ),
    "cheeks": (
        (
            "the cheeks are {} raised",
            "the eyes are {} crinkled at the corners",
            "the cheeks push {} up under the eyes",
            "crinkling shows {} around the eyes",
        ),
        ("{} raised cheeks", "{} crinkled eyes", "crinkling around the eyes and {} lifted cheeks"),
    ),
    "narrowed": (
        (
            "the eyes are {} narrowed",
            "the lids are {} tightened",
            "the eyes are {} squinted",
            "there is a {} visible tightness around the eyes",
        ),
        ("{} narrowed eyes", "{} tightened lids", "{} squinting eyes"),
    ),
    "nose": (
        ("the nose is {} wrinkled", "the nose is {} scrunched up", "the bridge of the nose is {} creased"),
        ("a {} wrinkled nose", "a {} scrunched nose", "{} creased skin along the nose"),
    ),
    "upper_lip": (
        (
            "the upper lip is {} raised",
            "the upper lip is {} curled",
            "the folds beside the nose are {} deepened by the raised lip",
        ),
        ("a {} raised upper lip", "a {} curled upper lip"),
    ),
    "smile": (
        (
            "the corners of the mouth are {} turned up",
            "the lip corners are {} pulled up",
            "the mouth is {} curved into a smile",
            "the lips {} smile",
        ),
        ("{} upturned corners of the mouth", "a {} smiling mouth", "lip corners {} pulled up in a smile"),
    ),
    "half_smile": (
        (
            "one corner of the mouth is {} pulled up",
            "the mouth is {} lopsided",
            "only one lip corner is {} raised",
            "the mouth shows a {} lopsided smirk",
        ),
        ("one {} raised corner of the mouth", "a {} lopsided smile", "a {} one-sided smirk"),
    ),
    "dimple": (
        ("one cheek is {} dimpled", "one lip corner is {} tucked in", "a dimple is {} pressed in beside the mouth"),
        ("a {} tightened lip corner", "a {} marked dimple on one side"),
    ),
    "mouth_down": (
        (
            "the corners of the mouth are {} turned down",
            "the mouth is {} downturned",
            "the lip corners {} droop",
            "the mouth {} sags at the corners",
        ),
        ("a {} downturned mouth", "{} drooping lip corners", "corners of the mouth that are {} pulled down"),
    ),
    "chin": (
        ("the chin is {} raised", "the chin is {} bunched and dimpled", "the lower lip is {} pushed up"),
        ("a {} raised chin", "a {} puckered chin", "a {} dimpled chin below a pushed-up lip"),
    ),
    "stretched": (
        ("the lips are {} stretched sideways", "the mouth is {} pulled wide", "the lips are {} drawn back flat"),
        ("{} stretched lips", "a mouth {} pulled wide", "lips {} tense and drawn back"),
    ),
    "pressed": (
        (
            "the lips are {} pressed together",
            "the lips are {} tight and thin",
            "the mouth is {} tightened",
            "the mouth is {} clenched into a line",
        ),
        ("{} pressed lips", "{} tightened, thin lips", "a {} tight mouth"),
    ),
    "parted": (
        ("the lips are {} parted", "the mouth is {} open", "the teeth are {} visible"),
        ("{} parted lips", "a {} open mouth"),
    ),
    "jaw": (
        (
            "the jaw is {} dropped",
            "the mouth falls {} open",
            "the mouth gapes {} wide",
            "the jaw hangs {} open in a gasp",
        ),
        ("a {} dropped jaw", "a {} gaping mouth", "a mouth {} wide open"),
    ),
    "lids_down": (
        ("the eyelids are {} lowered", "the eyes are {} closing", "the lids hang {} shut"),
        ("{} lowered eyelids", "eyes that are {} shut", "{} drooping lids"),
    ),
    "gaze_down": (
        ("the eyes look {} down", "the gaze is {} lowered", "the look goes {} to the ground"),
        ("a {} lowered gaze", "eyes looking {} down"),
    ),
    "head_down": (
        ("the head is {} bowed", "the head hangs {} down", "the face sinks {} forward"),
        ("a {} bowed head", "the head {} lowered"),
    ),
}

RESTING = (
    "the face is at rest", "the brows are level and the lips are closed", "the face is smooth and relaxed", "nothing in the face moves",
    "the mouth is level and the eyes look straight ahead", "all features are relaxed", "no muscle of the face is tightened",
    "the eyebrows are neither raised nor furrowed", "the mouth is closed and neither turned up nor down", "the face stays still and every muscle rests",
)  # fmt: skip

# Course over time -> clauses; "it" is the expression as a whole.
COURSE_CLAUSES: dict[str, tuple[str, ...]] = {
    "rising": (
        "it builds up slowly and is gone at once", "the movement grows bit by bit and then drops away suddenly",
        "it gathers gradually before it vanishes in an instant", "this creeps up slowly and ends abruptly",
        "it develops little by little and then breaks off", "the expression slowly builds and then suddenly disappears",
        "it deepens gradually and is released all at once",
    ),
    "falling": (
        "it comes all at once and fades slowly", "the movement strikes suddenly and wears off bit by bit",
        "it appears in an instant and then eases gradually", "this starts abruptly and dies away slowly",
        "it sets in with a jerk and melts away little by little", "the expression suddenly bursts out and then slowly fades",
        "it is there at once and then gradually lets go",
    ),
    "swell": (
        "it swells and ebbs evenly", "the movement rises once and sinks again at the same pace", "it comes and goes in a single smooth wave",
        "this increases steadily and decreases just as steadily", "it grows and fades once with an even pace",
        "the expression waxes and wanes a single time",
    ),
    "repeated": (
        "it flickers, coming and going again and again", "the movement returns several times in quick succession",
        "it pulses on and off repeatedly", "this comes back over and over", "it twitches again and again",
        "the expression keeps returning in short waves", "it appears and disappears several times",
    ),
}  # fmt: skip

OPENINGS = ("a person with", "a face with", "someone with", "the person shows", "the face shows", "one sees")

# Emotion names, their derived forms and close synonyms, as the beginnings of words.
BANNED_STEMS = (
    "anger", "angr", "annoy", "irritat", "furious", "fury", "rage", "raging", "mad", "hostil", "resent", "disgust", "repuls", "revuls",
    "displeas", "nause", "avers", "fear", "afraid", "scare", "scary", "fright", "terror", "terrif", "panic", "horr", "happ", "joy",
    "glad", "cheer", "delight", "pleas", "content", "amus", "merr", "elat", "sad", "sorrow", "unhapp", "grief", "griev", "gloom",
    "depress", "miser", "melanchol", "mourn", "surpris", "astonish", "amaz", "shock", "startl", "stunn", "contempt", "disdain", "scorn",
    "arrogan", "superior", "mock", "anxi", "worr", "nervous", "apprehens", "uneas", "unrest", "restless", "distress", "stress", "concern",
    "helpless", "hopeless", "despair", "desperat", "defeat", "resign", "powerless", "disappoint", "disillusion", "frustrat", "regret",
    "dissatisf", "emotion", "neutral", "calm", "feel", "mood", "upset", "tear", "cry", "weep", "laugh",
)  # fmt: skip
