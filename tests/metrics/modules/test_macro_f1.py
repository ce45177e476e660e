# SPDX-License-Identifier: Apache-2.0
import pytest

from emoclip.metrics import load_module


def test_module_gives_the_value_of_the_function():
    """The module must load offline from the package and agree with a value worked by hand."""
    module = load_module("macro_f1")
    result = module.compute(references=["a", "a", "a", "b", "b"], predictions=["a", "a", "b", "b", "a"])
    assert result == {"macro_f1": pytest.approx((2 * 2 / 6 + 2 * 1 / 4) / 2)}
