# SPDX-License-Identifier: Apache-2.0
from emoclip.hub_commit import hub_commit


def test_the_newest_version_that_was_read_is_named(tiny_model_folder, next_version):
    """Two versions of a repository were one and the same."""
    first = next_version(tiny_model_folder, "user/model")
    assert hub_commit("user/model") == first
    second = next_version(tiny_model_folder, "user/model")
    assert hub_commit("user/model") == second != first
    assert hub_commit("user/model", first) == first


def test_what_is_not_on_the_hub_has_no_commit(tiny_model_folder, next_version):
    """Neither does a branch that was never read, whatever there is of others."""
    next_version(tiny_model_folder, "user/model")
    assert hub_commit(tiny_model_folder) is None
    assert hub_commit("") is None
    assert hub_commit("user/other") is None
    assert hub_commit("user/model", "branch") is None
