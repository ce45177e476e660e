# SPDX-License-Identifier: Apache-2.0
"""Words that a face cannot tell anything about: shown with a warning above their scores."""

import re


# Whole words, or beginnings where "\w*" ends them; the topic is what the warning names.
_TOPICS = {
    "honesty": (
        r"lying|liars?|lie[sd]?|decepti\w*|deceit\w*|deceiv\w*|(?:dis|un)?honest\w*|(?:un)?truthful\w*|truth|cheat\w*|"
        r"(?:un)?trustworth\w*|insincer\w*|sincer\w*|fraud\w*|fake|faking|bluff\w*|hypocri\w*|manipulative|two-faced"
    ),
    "crime": (
        r"crime\w*|criminal\w*|guilt\w*|innocen\w*|thie(?:f|ves)|thefts?|thiev\w*|steals?|stealing|stolen|burglar\w*|robber\w*|"
        r"terroris\w*|violen\w*|dangerous\w*|suspicious\w*|suspects?|offenders?|offences?|murder\w*|killers?|rapists?|rape|"
        r"pa?edophil\w*|shoplift\w*|smuggl\w*|gangs?|gangsters?|extremis\w*|radicali[sz]ed|fugitives?|convicts?|felons?|thugs?"
    ),
    "health": (
        r"cancer\w*|disab(?:led|ilit)\w*|diseased?|diseases|depress(?:ed|ion|ions|ive|ives)|autis\w*|asperger\w*|schizo\w*|bipolar|"
        r"adhd|ptsd|ocd|hiv|aids|mentally ill|mental health|mental disorder\w*|sick|sickly|sickness\w*|ill|illness\w*|unwell|unhealthy|healthy|"
        r"pregnan\w*|drunk\w*|intoxicat\w*|high on|stoned|addict\w*|alcoholi\w*|suicid\w*|self-harm\w*|dement\w*|alzheimer\w*|"
        r"parkinson\w*|epilep\w*|diabet\w*|strokes?|psychos[ei]s|psychotic\w*|psychopath\w*|sociopath\w*|narcissis\w*|neurotic\w*|"
        r"in pain|chronic pain|blind|blindness|deaf|deafness|anorexi\w*|bulimi\w*|obes\w*|overweight|insane|insanity|crippled?|"
        r"retarded|down'?s? syndrome|infected|infections?|patients|burn-?out|traumati[sz]ed"
    ),
    "personal traits": (
        r"gays?|lesbian\w*|homosexual\w*|heterosexual\w*|bisexual\w*|asexual\w*|queer\w*|lgbt\w*|trans|transgender\w*|transsexual\w*|"
        r"non-?binary|muslim\w*|islam\w*|jew|jews|jewish|judaism|christian\w*|catholic\w*|protestants?|hindu\w*|buddhis\w*|sikhs?|"
        r"atheis\w*|black|blacks|white|whites|asian\w*|arab\w*|african\w*|latin[oax]s?|hispanic\w*|european\w*|caucasian\w*|"
        r"native american\w*|indigenous|roma|romani|gyps(?:y|ies)|immigrant\w*|migrants?|refugees?|foreign\w*|nationalit\w*|"
        r"males?|females?|wom[ae]n|m[ae]n|girls?|boys?|masculin\w*|feminin\w*|genders?|elderly|race|races|racial\w*|religio\w*|"
        r"ethnic\w*|rich|poor|wealthy|upper class|working class|conservatives?|liberals?|communis\w*|socialis\w*|fascis\w*|nazis?|"
        r"republicans?|democrats?|sexual orientation|virgins?"
    ),
    "fitness for something": (
        r"(?:un)?intelligen\w*|stupid\w*|idiot\w*|smart|clever\w*|iq|(?:in)?competen\w*|(?:un)?employab\w*|hir(?:e)?able|laz(?:y|iness)|"
        r"hard-?working|(?:un)?motivated|(?:in)?attentive\w*|(?:un)?productiv\w*|(?:un)?qualified|(?:un)?reliab\w*|(?:in)?capable|"
        r"creditworth\w*|leadership|talented|diligen\w*|suitable"
    ),
}
_PATTERNS = {topic: re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE) for topic, words in _TOPICS.items()}


def cautions(words: list[str]) -> list[str]:
    """Return a sentence for every topic that some words touch, naming the words.

    Args:
        words: As the visitor typed them.
    """
    sentences = []
    for topic, pattern in _PATTERNS.items():
        found = [word for word in words if pattern.search(word)]
        if found:
            sentences.append(
                f"A face says nothing about {topic}. The scores of {', '.join(found)} only tell which of your words the picture "
                "resembles; do not use them about a person."
            )
    return sentences


__all__ = ["cautions"]
