# SPDX-License-Identifier: Apache-2.0
from emoclip.analysis.model_identity import model_key


def test_a_model_on_the_hub_is_not_its_next_version(tiny_model_folder, next_version):
    """An index of the old weights was searched by the new ones, and a batch went on with them."""
    first = next_version(tiny_model_folder, "user/model")
    assert model_key("user/model") == first
    second = next_version(tiny_model_folder, "user/model")
    assert model_key("user/model") == second
