"""Values that can not work are refused with a sentence that names the cure (negative/NAME.yaml, NAME.expect.txt)."""

from rendering import HERE, Refused
from suite import over

NEGATIVE = HERE / "negative"


@over(lambda: sorted(NEGATIVE.glob("*.yaml")))
def test_bad_values_are_refused(helm, item):
    expected = item.with_suffix(".expect.txt").read_text(encoding="utf-8").splitlines()
    assert expected, "nothing is expected"
    try:
        helm.render(file=item)
    except Refused as refusal:
        missing = [line for line in expected if line not in str(refusal)]
        assert not missing, f"{missing} is not in: {refusal}"
    else:
        raise AssertionError("was rendered")


def test_each_expectation_has_its_values():
    values = {path.stem for path in NEGATIVE.glob("*.yaml")}
    expectations = {path.name.removesuffix(".expect.txt") for path in NEGATIVE.glob("*.expect.txt")}
    assert values == expectations, sorted(values ^ expectations)


def test_a_refused_key_is_never_quoted(helm):
    odd = "s3cr3t-value \u00e9 "
    for site in ({"nbuservers": [{"site": "a", "host": "h", "apiKey": odd}]}, {"nbuservers": [{"site": "a", "hots": "h", "apiKey": "s3cr3t-value"}]},
                 {"nbuservers": [{"site": "a", "host": "h", "apiKey": "s3cr3t-value"}]}, {"nbuserver": {"host": "h", "apiKey": "s3cr3t-value"}}):
        try:
            helm.render({"config": site})
        except Refused as refusal:
            assert "s3cr3t-value" not in str(refusal)
        else:
            raise AssertionError("was rendered")


def test_an_inline_key_is_accepted_when_it_is_asked_for(helm):
    config = helm.render({"allowInlineKeys": True, "config": {"nbuservers": [{"site": "a", "host": "h", "apiKey": "k"}]}}).config
    assert config["nbuservers"][0]["apiKey"] == "k"


def test_any_mounted_file_name_is_accepted_for_a_site_with_its_own_key_file(helm):
    config = helm.render({"config": {"nbuservers": [{"site": "über/Paris", "host": "h", "apiKeyFile": "/k"}]}}).config
    assert config["nbuservers"][0]["apiKeyFile"] == "/k"
