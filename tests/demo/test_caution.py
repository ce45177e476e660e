# SPDX-License-Identifier: Apache-2.0
import pytest

from emoclip.demo.caution import cautions
from emoclip.demo.presets import PRESETS


@pytest.mark.parametrize(
    ("word", "topic"),
    [
        ("lying", "honesty"),
        ("a GUILTY face", "crime"),
        ("depressed", "health"),
        ("autistic", "health"),
        ("deception", "honesty"),
        ("a lie", "honesty"),
        ("crime", "crime"),
        ("cancer", "health"),
        ("race", "personal traits"),
        ("gay", "personal traits"),
        ("hard-working", "fitness"),
    ],
)
def test_words_a_face_cannot_tell_are_warned_of(word, topic):
    """Somebody who types such a word will believe the number."""
    (sentence,) = cautions(["happiness", word])
    assert topic in sentence
    assert word in sentence
    assert "happiness" not in sentence


# What people may type of each topic, in all the forms that a first list forgets.
FORMS = {
    "honesty": "liar, liars, lie, lies, lied, lying, deceptive, deceived, deceitful, dishonesty, honest, untruthful, cheater, cheated, "
    "fraud, fraudster, untrustworthy, trustworthiness, insincere, faking, hypocrite, bluffing",
    "crime": "crimes, criminals, criminality, guilty, guilt, innocent, innocence, thief, thieves, theft, stealing, burglar, robbery, "
    "terrorist, terrorists, terrorism, violence, violent, dangerous, suspicious, suspect, offender, offenders, murderer, murderers, "
    "murder, killer, rapist, paedophile, pedophile, shoplifter, smuggling, extremist, gangster, convict",
    "health": "ill, illness, illnesses, sick, sickness, cancer, disabled, disability, disease, depressed, depression, depressive, "
    "autism, autistic, schizophrenic, bipolar, ADHD, PTSD, HIV, AIDS, mental health, pregnant, pregnancy, drunk, drunkenness, addict, "
    "addicts, addicted, alcoholic, alcoholics, alcoholism, suicide, suicidal, dementia, Alzheimer's, Parkinson's, epileptic, psychosis, "
    "psychotic, psychopath, blind, deaf, anorexic, obese, insane, infected",
    "personal traits": "gay, gays, lesbian, lesbians, bisexual, homosexuals, queer, transgender, nonbinary, muslim, muslims, islamic, "
    "jew, jews, jewish, christians, catholic, hindus, buddhist, atheist, black, white, asian, asians, arab, arabs, african, africans, "
    "latino, latina, hispanic, immigrant, immigrants, migrant, refugees, foreigner, man, men, woman, women, female, males, feminine, "
    "race, racial, religion, religious, ethnicity, rich, poor, conservatives, communist, nazi",
    "fitness": "intelligent, intelligence, stupid, stupidity, idiot, incompetence, unemployable, lazy, laziness, hard-working, "
    "unmotivated, productivity, unqualified, unreliable, creditworthy, leadership",
}


@pytest.mark.parametrize(("topic", "word"), [(topic, word) for topic in FORMS for word in FORMS[topic].split(", ")])
def test_no_form_of_such_a_word_is_forgotten(topic, word):
    """Plurals, and nouns beside adjectives, mean the same."""
    (sentence,) = cautions([f"a {word} person"])
    assert topic in sentence


@pytest.mark.parametrize("name", PRESETS)
def test_words_of_expression_are_not(name):
    """A warning that is always there is read by nobody."""
    assert cautions(list(PRESETS[name])) == []


def test_parts_of_other_words_do_not_count():
    """ "still" holds "ill", "manner" holds "man"."""
    assert cautions(["still", "manner", "boldness", "relying", "a straight face", "an old sorrow"]) == []
    assert (
        cautions(
            [
                "offended",
                "infectious laughter",
                "patient",
                "stealthy",
                "sickened",
                "a grim menace",
                "pained",
                "believing",
            ]
        )
        == []
    )
