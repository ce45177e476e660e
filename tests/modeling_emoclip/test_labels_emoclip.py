# SPDX-License-Identifier: Apache-2.0
from modeling_emoclip import labels_emoclip as labels


def test_class_order_is_mafws():
    """Label ids of MAFW would point to other classes."""
    assert labels.MAFW_CLASS_NAMES == (
        "anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise", "contempt", "anxiety", "helplessness",
        "disappointment",
    )  # fmt: skip
    assert labels.MAFW_CLASS_NAMES[:7] == labels.SEVEN_CLASS_NAMES


def test_descriptions_are_those_of_the_code_to_the_letter():
    """Parity with published results depends on the very wording, slips included."""
    descriptions = labels.EMOCLIP_CLASS_DESCRIPTIONS
    assert tuple(descriptions) == labels.MAFW_CLASS_NAMES
    assert descriptions["anger"] == (
        "A facial expression showing irritation and unrest, with a wrinkled forehead, narrowed eyes, and tight lips or a frown"
    )
    assert descriptions["helplessness"].endswith("may appear resigned or resigned")
    assert [name for name, text in descriptions.items() if text.endswith(".")] == ["sadness"]
    assert [len(text) for text in descriptions.values()] == LENGTHS
    assert not any("  " in text for text in descriptions.values())


def test_neutral_captions_are_five_whole_sentences():
    """A broken line join would leave words stuck together."""
    assert len(set(labels.NEUTRAL_CAPTIONS)) == 5
    assert all(text.endswith(".") and text[0].isupper() and "  " not in text for text in labels.NEUTRAL_CAPTIONS)
    assert (
        labels.NEUTRAL_CAPTIONS[0] == "A lack of emotional expression, as if the person's face is in a resting state."
    )


def test_compound_classes_are_those_of_mafw():
    """43 with the singles, 42 where neutral has no clip; the counts are those of the paper's figure."""
    classes, counts = labels.MAFW_COMPOUND_CLASSES, labels.MAFW_COMBINATION_COUNTS
    assert (len(classes), len(counts), sum(counts.values())) == (43, 32, 4058)
    assert set(classes) == {*labels.MAFW_CLASS_NAMES, *counts}
    for name, components in classes.items():
        assert "_".join(components) == name
        numbers = [labels.MAFW_CLASS_NAMES.index(component) for component in components]
        assert numbers == sorted(set(numbers))
    sizes = [len(components) for components in classes.values()]
    assert sizes == sorted(sizes)
    assert (sizes.count(1), sizes.count(2), sizes.count(3)) == (11, 23, 9)


def test_participation_in_combinations_agrees_with_the_official_totals():
    """The figure's misprint would shift 98 clips between two emotions."""
    counts = labels.MAFW_COMBINATION_COUNTS
    shares = {
        name: sum(n for other, n in counts.items() if name in other.split("_")) for name in labels.MAFW_CLASS_NAMES
    }
    assert shares["neutral"] == 0
    assert sum(shares.values()) == sum(n * len(name.split("_")) for name, n in counts.items())
    assert shares["helplessness"] > shares["disappointment"] == 98 + 59 + 32 + 22 + 12 + 12


def test_class_orders_have_the_sizes_of_their_data_sets():
    """A class left out would shift every id behind it."""
    sizes = {name: len(order) for name, order in labels.CLASS_ORDERS.items()}
    assert sizes == {
        "mafw": 11,
        "mafw_compound": 43,
        "mafw_compound_42": 42,
        "dfew": 7,
        "ferv39k": 7,
        "afew": 7,
        "expclip_7": 7,
        "expclip_8": 8,
        "expclip_11": 11,
        "rafdb": 7,
        "rafdb_compound": 11,
        "affectnet_7": 7,
        "affectnet_8": 8,
        "ferplus": 8,
        "caer": 7,
        "meld": 7,
        "bold": 26,
        "moviegraphs": 26,
        "emotic": 26,
        "ravdess": 8,
        "crema_d": 6,
    }
    for name, order in labels.CLASS_ORDERS.items():
        assert len(set(order)) == len(order), name
        assert all(entry == entry.casefold().strip() for entry in order), name


def test_expclip_numbers_classes_otherwise_than_mafw():
    """MAFW's official id to Exp-CLIP's, checked row by row on the published lists."""
    order = [labels.EXPCLIP_CLASS_NAMES.index(name) for name in labels.MAFW_CLASS_NAMES]
    assert order == [3, 5, 6, 0, 2, 1, 4, 7, 8, 9, 10]
    assert set(labels.CLASS_ORDERS["bold"]) != set(labels.CLASS_ORDERS["emotic"])


# Characters of each description as printed, in class order.
LENGTHS = [117, 109, 160, 183, 147, 176, 130, 129, 172, 169, 186]
