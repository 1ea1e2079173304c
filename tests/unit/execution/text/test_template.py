"""Chat templates: what transformers' do, and nothing without end."""

import pytest

from dragoman.core.errors import Code, DragomanError
from dragoman.execution.text.template import Renderer

MESSAGES = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "héllo <b>"}]
CHATML = """{%- for message in messages %}
    {%- if loop.first and message.role != 'system' %}
        {{- raise_exception('no system message') }}
    {%- endif %}
    {{- '<|' + message['role'] + '|>' ~ message.content | trim ~ eos_token }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"""


def render(source: str, **variables: object) -> str:
    return Renderer(source, {"eos_token": "</s>"}, "m").render(MESSAGES, variables)


def refusal(source: str) -> str:
    with pytest.raises(DragomanError) as caught:
        render(source)
    assert caught.value.code is Code.INVALID_ARGUMENT
    return caught.value.message


def test_a_template_writes_the_prompt() -> None:
    assert render(CHATML) == "<|system|>Be kind.</s><|user|>héllo <b></s><|assistant|>"
    assert render(CHATML, add_generation_prompt=False).endswith("</s>")


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ messages[1].content | tojson }}", '"héllo <b>"'),
        ("{{ {'b': 1, 'a': [2]} | tojson(indent=1) }}", '{\n "b": 1,\n "a": [\n  2\n ]\n}'),
        ("{{ messages | map(attribute='role') | join(', ') }}", "system, user"),
        ("{{ 'a-b'.replace('-', '+') ~ ('c-d' | replace('-', '*')) }}", "a+bc*d"),
        ("{{ 'a' ~ ('b' ~ 'c') ~ 'd' }}", "abcd"),
        ("{% for i in range(9) %}{% if i == 3 %}{% break %}{% endif %}{{ i }}{% endfor %}", "012"),
        ("{% for m in messages %}{{ loop.index }}/{{ loop.length }} {% endfor %}", "1/2 2/2 "),
        ("{{ 'a\nb' | indent(2) }}", "a\n  b"),
        ("{% set s = namespace(n=0) %}{% for m in [1, 2] %}{% set s.n = m %}{% endfor %}{{ s.n }}", "2"),
        ("{% macro f(x) %}[{{ x }}]{% endmacro %}{{ f('a') * 2 }}", "[a][a]"),
        ("{{ strftime_now('%Y') | length }}", "4"),
        ("{{ ','.join(['a', 'b']) }}", "a,b"),
        ("{% if tools is defined and tools %}tools{% endif %}x", "x"),
    ],
)  # fmt: skip
def test_what_templates_use_is_there(source: str, text: str) -> None:
    assert render(source) == text


LOOPS = "{% for i in range(90000) %}{% for j in range(90000) %}{% endfor %}{% endfor %}"
DOUBLING = "{% set n = namespace(s='a') %}{% for i in range(99) %}{% set n.s = n.s ~ n.s %}{% endfor %}"


@pytest.mark.parametrize(
    "source",
    [
        LOOPS,
        "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% for i in range(99999) %}aaaaaaaaaaaaaaaaaaaa{% endfor %}",
        DOUBLING,
        DOUBLING.replace("~", "+"),
        "{{ 'a' * 10 ** 9 }}",
        "{{ [1] * 10 ** 9 }}",
        "{{ 10 ** (10 ** 9) }}",
        "{{ 'a'.ljust(10 ** 9) }}",
        "{{ '%9999999999d' % 1 }}",
        "{{ ('a' * 9999).replace('a', 'b' * 9999) }}",
        "{{ ('a' * 9999) | replace('a', 'b' * 9999) }}",
        "{{ range(9999) | join('b' * 9999) }}",
        "{{ ('a' * 9999).join(['b'] * 9999) }}",
        "{{ ('a\n' * 9999) | indent(9999) }}",
    ],
)
def test_what_has_no_end_is_stopped(source: str) -> None:
    assert "was stopped" in refusal(source)


def test_time_is_what_the_clock_says() -> None:
    ticks = iter(range(99))
    with pytest.raises(DragomanError, match="longer than 1 s"):
        Renderer("{% for i in range(9) %}{{ i }}{% endfor %}", {}, "m", lambda: next(ticks)).render(
            MESSAGES, {}
        )


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
        ("{{ messages.append(1) }}", "unsafe"),
        ("{{ raise_exception('only one turn') }}", "refuses the messages: only one turn"),
        ("{{ nothing.at.all }}", "'nothing' is undefined"),
        ("{{ 1 / 0 }}", "ZeroDivisionError"),
    ],
)
def test_what_a_template_may_not_do_is_the_callers_to_read(source: str, message: str) -> None:
    assert message in refusal(source)


def test_what_is_no_template_does_not_load() -> None:
    with pytest.raises(DragomanError, match="the chat template of model m is none"):
        Renderer("{% if %}", {}, "m")


def test_a_caller_does_not_overwrite_what_is_the_models() -> None:
    assert render("{{ eos_token }}{{ messages | length }}", eos_token="x", messages=[]) == "</s>2"
