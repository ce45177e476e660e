# SPDX-License-Identifier: Apache-2.0
"""Every text of the page, in one place so that its promises can be read together."""

TITLE = "EmoCLIP: apparent expression in video, in your own words"

# Shown above the upload, not in a footer: people must know before they hand a video over.
NOTICE = """**Before you begin.** This page is an automatic system that compares faces in a video with words.

- Use only pictures of people who have **agreed** to it.
- It describes **apparent expression**, never what a person feels. The **relative match** compares *your words* with one
  another and adds up to 100 %: other words give other numbers.
- **Not** for the workplace, school, hiring, policing or diagnosis. In the European Union, inferring emotions at work and in
  education is prohibited.
- Your file is processed on this server. It is deleted within about a minute after you close the page, with everything made of
  it, and after half an hour without a click. Nothing else is kept: no names, no log of your words."""

CONSENT = "Everyone who can be seen has agreed, and I use the result for none of the purposes above."
CONSENT_FIRST = "Please tick the box above first: it opens the fields for videos, pictures and the camera."
BOX_NEEDED = "The box above the fields must be ticked first, it is not: everyone who can be seen must have agreed."
CONSENT_NEEDED = (
    "Everyone who can be seen must have agreed, got consent=False; say so by consent=True, or do not send the file."
)

TAB_ANALYSE, TAB_COMPARE, TAB_SEARCH, TAB_ABOUT = "Analyse", "Compare", "Find moments", "About"
VIDEO, PICTURE, EXAMPLES = "Video or camera", "Picture", "Rendered examples"
EXAMPLE = "Rendered example"
WORDS = "Your words, one per line or with commas between them"
WORDS_HELP = "Sums are words too: fear + 2*surprise"
DEFAULT_WORDS = "happiness\nsadness\nanger\nsurprise\nneutral"
PRESET = "Or begin with a list"
KEEP_LIST = "Keep these words in my browser"
KEPT_LIST = "Kept in this browser, under “My own list”."
NO_OWN_LIST = "No list is kept in this browser yet; type your words and press “Keep these words in my browser”."
COMPOUND = "Build a compound"
COMPOUND_PARTS, COMPOUND_WEIGHTS, COMPOUND_ADD = (
    "Components",
    "Their weights, with commas between them",
    "Add to my words",
)
OPTIONS = "Options"
FACES = "Which faces"
FACE_CHOICES = [("all that are found", "all"), ("the largest one", "largest"), ("none: the whole picture", "none")]
PROMPT = "How a word becomes a text"
PROMPT_CHOICES = [
    ("as the model knows it", "auto"),
    ("in a sentence", "template"),
    ("as it stands", "plain"),
    ("EmoCLIP's descriptions", "description"),
]
OTHER = "Offer “none of these” below this similarity (0 leaves it out)"
OTHER_HELP = (
    "Among wrong words one still fits best. Where none is more similar than this, “none of these” comes first."
)
BUTTON = "Analyse"
COMPARE_BUTTON, SEARCH_BUTTON = "Compare", "Find"
RANKING = "Relative match to your words"
TIMELINE = "Timeline: choose a cell to go there in the video; arrow keys move"
ANNOTATED = "The video with the faces that were found"
FRAMES = "Frames that weighed most, with their share of the window"
TABLE = "All numbers: one row per person, window and word"
ANNOTATE = "Draw these words into the video"
DOWNLOADS = {
    "csv": "Table (CSV)",
    "json": "Everything (JSON)",
    "plot": "Timeline (PNG)",
    "film": "Annotated video (MP4)",
}
WAITING = "Choose a video, a picture or an example, then press Analyse: ranking and timeline appear here."
COMPARE_WAITING = ("A appears here.", "B appears here.")
SEARCH_WAITING = "The moments appear here, for each word the most similar first."
NOTHING_SCORED = "No face was found, so nothing was scored; the options let you score the whole picture."
OLD_WORDS = "Words that you change afterwards are scored again at once, without another look at the video."
FILE_GONE = (
    "The file must still be on the server, it is not (files go after half an hour without a click, and when the tick for "
    "the consent is taken back); choose it again."
)
NO_MEDIA = "A video or a picture must be chosen first, got none; drop a file into the field above the words."
NO_ANALYSIS = "A video must be analysed before other words can be scored, got none; press Analyse first."
STALE = "Press **Analyse** to use this: the numbers are still those of the file and the faces that were analysed last."
FILM_MISSING = "The annotated video is missing: {reason}"
FRAMES_MISSING = "The frames that weighed most are missing: {reason}"
WHOLE_PICTURE_REMEDY = "the options let you score the whole picture."
TEMPLATE_REMEDY = "with the option “in a sentence” it reads the words instead."
BLUR = "Hide the faces that were found, when it is drawn"
BLUR_NEEDS_FACES = (
    "Hiding faces needs faces to be looked for, got the whole picture; choose other faces in the options and press "
    "Analyse, or leave the faces open."
)
STILL_BUSY = "Your last request is still running; wait for it to end."
LOOKING, DRAWING = "Looking at faces", "Drawing the video"
SEARCH_WORDS = "What to look for, in your words"
SEARCH_HELP = "The windows that resemble the words most are listed; a low similarity means that nothing really does."
DIFFERENCES = "Mean match of both, and what B gives more"
MODEL_A, MODEL_B, PROMPT_A, PROMPT_B = "Model A", "Model B", "Prompt style A", "Prompt style B"

# What programs are shown of the arguments, beside their names.
API_FILE = "file: a video or a picture"
API_WORDS = "words: one per line or with commas between them; sums such as fear + 2*surprise are words too"
API_CONSENT = "consent: everyone who can be seen has agreed; must be true"
API_FACES = "faces: all that are found, the largest one, or none for the whole picture"
API_PROMPT = "prompt: how a word becomes a text"
API_OTHER = "other: similarity below which “none of these” comes first; 0 leaves it out"
API_VISIT = "visit: what /analyze returned as visit; forgotten half an hour after its last use"
API_ANSWER = "answer: a dictionary; its keys are in the description of the endpoint"

ABOUT = """## How it works

The video is decoded, faces are found and followed, and each is cut out. The model turns every window of frames and every text
into vectors; the **similarity** is the cosine between them, the **relative match** the share of each of your words
(softmax). The **interval** is the range of the match when the same words are put into other sentences: where it is wide, the
answer hangs on the wording. Persons are numbered by place and the colours of hair and clothes; nobody is recognised.

The method is EmoCLIP (FG 2024), trained on captions of what faces do; EmotionCLIP (CVPR 2023) and Exp-CLIP (WACV 2025) run in
the same architecture.

## Limits

- A face is not a feeling. People move their faces for many reasons, and hide or play what they feel.
- Small, blurred, turned and covered faces are marked; marked windows are not to be trusted.
- Systems of this kind err differently by age, gender and skin colour.
- The answer depends on your list: among two wrong words one still gets the most. So “none of these” stands among them, as if it
  were a word whose similarity is always the threshold of the options, 0.2 at first. With the embedded default that keeps 96 of 100
  rendered clips whose word is in the list, and refuses 52 of 100 whose word is not. Other models need another one: look at the
  similarity.

## Not for

Work, school, hiring, policing, credit, insurance, lie detection or diagnosis, nor anything else that decides about a person.

## Licences

The software is under Apache-2.0. The weights have the licence that their card names. The examples are rendered faces, CC0."""
