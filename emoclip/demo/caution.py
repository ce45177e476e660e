# SPDX-License-Identifier: Apache-2.0
"""Words that a face cannot tell anything about: shown with a warning beside their scores."""

import re


# A word begins with one of these; the topic is what the warning names.
_TOPICS = {
    "honesty": r"lying|liar|lies?|decepti\w+|deceit\w*|deceiv\w+|dishonest|honest|truthful|untruthful|cheating|trustworthy",
    "crime": r"crimes?|criminals?|guilty|guilt|innocent|thief|terrorist|violent|dangerous|suspicious|offender|murderer",
    "health": (
        r"cancer|disabled|disability|diseased?|depressed|depression|autis\w*|schizophreni\w*|bipolar|adhd|mentally ill|sick|ill|pregnant|drunk|intoxicated|high on|"
        r"suicidal|demented|dementia|psychotic|psychopath\w*|in pain"
    ),
    "personal traits": (
        r"gay|lesbian|homosexual|heterosexual|transgender|muslim|jewish|christian|hindu|black|white|asian|arab|"
        r"immigrant|foreign\w*|male|female|woman|man|elderly|race|racial|religious|ethnic|rich|poor|conservative|liberal|communist"
    ),
    "fitness for something": r"intelligent|stupid|competent|incompetent|employable|hireable|lazy|hard-?working|motivated|attentive|productive",
}
_PATTERNS = {topic: re.compile(rf"\b(?:{words})\b", re.IGNORECASE) for topic, words in _TOPICS.items()}


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
