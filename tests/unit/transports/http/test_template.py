"""Path templates."""

import pytest

from dragoman.transports.http.template import compile_template

MATCHES = [
    ("/v1/models/{model}", "/v1/models/a", {"model": "a"}),
    ("/v1/models/{model}", "/v1/models/a%2fb", {"model": "a%2fb"}),
    ("/v1/models/{model}", "/v1/models/", None),
    ("/v1/models/{model}", "/v1/models/a/b", None),
    ("/v1/models/{model}", "/v1/models/a:predict", None),
    ("/v1/models/{model}:predict", "/v1/models/a:predict", {"model": "a"}),
    ("/v1/models/{model}:predict", "/v1/models/a:Predict", None),
    (
        "/v1/models/{model}/versions/{version:digits}",
        "/v1/models/a/versions/12",
        {"model": "a", "version": "12"},
    ),
    ("/v1/models/{model}/versions/{version:digits}", "/v1/models/a/versions/x1", None),
    (
        "/v1/models/{model}/versions/{version:digits}",
        "/v1/models/a/versions/\N{ARABIC-INDIC DIGIT TWO}",
        None,
    ),
    ("/files/{rest:path}", "/files/a/b:c", {"rest": "a/b:c"}),
    ("/files/{rest:path}", "/files/", {"rest": ""}),
    ("/a.b", "/a.b", {}),
    ("/a.b", "/axb", None),
    ("*", "*", {}),
]


@pytest.mark.parametrize(("template", "path", "params"), MATCHES)
def test_a_template_matches_what_its_language_says(template, path, params):
    found = compile_template(template).pattern.fullmatch(path)
    assert (found.groupdict() if found else None) == params


def test_ignore_case_is_for_fixed_text_and_leaves_placeholders_as_they_are():
    found = compile_template("/V1/models/{model}:Predict", ignore_case=True).pattern.fullmatch(
        "/v1/MODELS/AbC:pREDICT"
    )
    assert found is not None
    assert found.groupdict() == {"model": "AbC"}


def test_an_unknown_kind_of_placeholder_is_an_error_that_names_it():
    with pytest.raises(ValueError, match=r"/a/\{b:float\}: \{b:float\} is no kind"):
        compile_template("/a/{b:float}")


def test_templates_that_differ_in_names_alone_have_one_shape():
    assert compile_template("/a/{b}/{c:digits}").shape == compile_template("/a/{x}/{y:digits}").shape
