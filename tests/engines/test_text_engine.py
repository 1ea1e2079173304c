"""The engine of OpenVINO GenAI, with a model that knows its sentences by heart."""

import os
import queue
import shutil
import signal
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import openvino_genai
import pytest

from dragoman.core.errors import Code, DragomanError
from dragoman.core.generation import Finish, Sampling
from dragoman.engines.base import Artifact, Emission
from dragoman.engines.genai import GenAiEngine, scoring
from dragoman.engines.genai.link import Begin, Link, Start, Steps, Told
from dragoman.engines.genai.model import GenAiModel
from dragoman.engines.genai.options import GenAiOptions
from dragoman.engines.genai.sampling import make_config
from dragoman.engines.genai.steps import make_stepper
from dragoman.repository.tree import scan
from dragoman.settings.model import ModelSettings, TextSettings
from tests.engines.text_models import MODELS

TINYCHAT = MODELS / "tinychat"
GREEDY = Sampling(max_tokens=40, temperature=0)


class Written:
    """A model that is started, and what its steps gave."""

    def __init__(self, model: GenAiModel) -> None:
        self.model = model
        self._given: queue.SimpleQueue[Sequence[Emission]] = queue.SimpleQueue()
        self.told: dict[int, list[Emission]] = {}
        model.start(self._given.put)

    def begin(self, prompt: str, sampling: Sampling = GREEDY) -> int:
        return self.model.submit(self.model.tokenizer.encode(prompt, special=True), sampling)

    def end(self, handle: int) -> list[Emission]:
        """All that came of a text, once it has ended."""
        while not any(each.finish or each.error for each in self.told.get(handle, [])):
            for emission in self._given.get(timeout=60):
                self.told.setdefault(emission.handle, []).append(emission)
        return self.told[handle]

    def text(self, prompt: str, sampling: Sampling = GREEDY) -> str:
        return self.joined(self.end(self.begin(prompt, sampling)))

    def joined(self, emissions: Sequence[Emission]) -> str:
        return self.model.tokenizer.decode([token for each in emissions for token in each.ids], special=False)


def load(folder: Path, settings: ModelSettings = ModelSettings(), **options: object) -> GenAiModel:  # noqa: B008
    return GenAiEngine().load(Artifact(str(folder / "openvino_model.xml"), "m", 1, settings), options)


@pytest.fixture(scope="module")
def written() -> Iterator[Written]:
    model = load(TINYCHAT)
    yield Written(model)
    model.close()
    model.close()
    with pytest.raises(DragomanError) as caught:
        model.submit([1], GREEDY)
    assert caught.value.code is Code.UNAVAILABLE


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    return Path(shutil.copytree(TINYCHAT, tmp_path / "m"))


def test_it_claims_models_that_write_and_none_that_give_vectors() -> None:
    claim = GenAiEngine.claim(scan(str(TINYCHAT)), ModelSettings())
    assert claim is not None
    assert "openvino_tokenizer.xml" in claim.required
    assert GenAiEngine.claim(scan(str(MODELS / "tinyembed")), ModelSettings()) is None


def test_what_it_knows_by_heart_is_written_and_the_token_that_ends_it_comes_last(written: Written) -> None:
    emissions = written.end(written.begin("alpha beta"))
    assert written.joined(emissions) == " gamma delta epsilon zeta eta theta"
    assert emissions[-1].finish is Finish.STOP
    assert emissions[-1].ids[-1] in written.model.ends
    assert all(-0.1 < logprob <= 0 for each in emissions for logprob in each.logprobs)
    assert len(emissions) == sum(len(each.ids) for each in emissions)  # each step is told by itself


def test_a_text_ends_at_its_limit(written: Written) -> None:
    emissions = written.end(written.begin("alpha beta", Sampling(max_tokens=3, temperature=0)))
    assert emissions[-1].finish is Finish.LENGTH
    assert sum(len(each.ids) for each in emissions) == 3


def test_a_seed_gives_the_same_text_alone_and_in_company_and_none_gives_others(written: Written) -> None:
    wild = Sampling(max_tokens=12, temperature=2.0, seed=7)
    alone = written.text("alpha", wild)
    company = [written.begin("alpha", Sampling(12, 2.0, seed=seed)) for seed in (1, 7, 2**64 - 1, -1)]
    assert written.joined(written.end(company[1])) == alone
    drawn = {written.text("alpha", Sampling(max_tokens=12, temperature=2.0)) for _ in range(8)}
    assert len(drawn) > 1


def test_penalties_keep_a_text_from_saying_the_same_again(written: Written) -> None:
    free = written.text("alpha", Sampling(max_tokens=200, temperature=0, ignore_end=True))
    held = written.text(
        "alpha", Sampling(200, 0, ignore_end=True, frequency_penalty=2.0, presence_penalty=2.0)
    )
    ids = [written.model.tokenizer.encode(text, special=True) for text in (free, held)]
    assert len(set(ids[0])) < len(set(ids[1]))


def test_a_schema_holds_the_text_to_json(written: Written) -> None:
    schema = '{"type": "object", "properties": {"a": {"enum": [1]}}, "required": ["a"]}'
    text = written.text("alpha", Sampling(40, 0, json_schema=schema))
    assert text.lstrip().startswith("{")


def test_a_schema_that_is_none_is_refused_and_the_others_go_on(written: Written) -> None:
    other = written.begin("alpha beta")
    with pytest.raises(DragomanError) as caught:
        written.begin("alpha", Sampling(40, 0, json_schema='{"type": "nonsense"}'))
    assert caught.value.param == "response_format"
    assert written.joined(written.end(other)) == " gamma delta epsilon zeta eta theta"


def test_a_text_that_is_cancelled_gives_nothing_more(written: Written) -> None:
    first = written.begin("alpha beta", Sampling(200, 0, ignore_end=True))
    written.model.cancel(first)
    written.text("alpha beta")
    told = len(written.told.get(first, []))
    written.text("alpha beta")
    assert len(written.told.get(first, [])) == told < 200


class Failing:
    """A pipeline whose steps fail."""

    def __init__(self, own: Any) -> None:
        self.add_request = own.add_request

    def step(self) -> None:
        raise RuntimeError("the runtime's own words, with /a/path")


def stepped(link: Link, begins: Sequence[Begin]) -> list[Told]:
    """What a stepper tells until each text has come to its end."""
    for begin in begins:
        link.send(begin)
    told: list[Told] = []
    while len({each.handle for each in told if each.finish or each.failure}) < len(begins):
        steps = link.receive()
        assert isinstance(steps, Steps)
        told += steps.told
    return told


def test_a_pipeline_that_fails_fails_its_texts_and_is_made_anew(written: Written) -> None:
    ours, theirs = map(Link, socket.socketpair())
    start = Start(str(TINYCHAT), GenAiOptions(), (2,), Sampling())
    stepper = make_stepper(theirs, start)
    stepper._pipeline = Failing(stepper._pipeline)

    def run() -> None:
        with suppress(EOFError):
            stepper.run()

    thread = threading.Thread(target=run)
    thread.start()
    ids = written.model.tokenizer.encode("alpha beta", special=True)
    first, second = Begin(0, ids, GREEDY), Begin(1, ids, GREEDY)
    (told,) = stepped(ours, [first])
    assert told.failure == "failed"
    again = stepped(ours, [second])
    text = written.model.tokenizer.decode([token for each in again for token in each.ids], special=False)
    assert text == " gamma delta epsilon zeta eta theta"
    ours.end()
    thread.join()
    ours.close()
    theirs.close()


def test_where_steps_are_short_several_are_told_together_and_the_first_at_once(written: Written) -> None:
    emissions = written.end(written.begin("alpha beta", Sampling(200, 0, ignore_end=True)))
    assert len(emissions[0].ids) == 1
    assert sum(len(each.ids) for each in emissions) == 200
    assert all(len(each.ids) == len(each.logprobs) for each in emissions)


def test_a_process_that_is_killed_fails_its_texts_and_another_takes_its_place() -> None:
    model = load(TINYCHAT)
    killed = Written(model)
    first = killed.begin("alpha beta", Sampling(200, 0, ignore_end=True))
    process = model.pid
    os.kill(process, signal.SIGKILL)
    error = killed.end(first)[-1].error
    assert error is not None
    assert error.code is Code.INTERNAL
    assert killed.text("alpha beta") == " gamma delta epsilon zeta eta theta"
    assert model.pid != process
    model.close()


def test_a_process_ends_with_its_model() -> None:
    model = load(TINYCHAT)
    process = model.pid
    model.close()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_characters_of_several_tokens_come_back_and_special_tokens_where_wanted(
    written: Written,
) -> None:
    tokenizer = written.model.tokenizer
    text = "<|user|>Say naïve café 🙂.<|end|>"
    ids = tokenizer.encode(text, special=True)
    assert tokenizer.decode(ids, special=True) == text
    assert tokenizer.decode(ids, special=False) == "Say naïve café 🙂."
    own = openvino_genai.Tokenizer(str(TINYCHAT))
    assert own.decode(ids) == "Say naïve café 🙂."
    assert tokenizer.encode("", special=True) == []
    with pytest.raises(UnicodeEncodeError):
        tokenizer.encode("\ud800", special=True)


def test_the_table_of_bytes_says_what_the_tokenizer_says(written: Written, copied: Path) -> None:
    (copied / "tokenizer.json").unlink()
    ids = list(range(6, 400))
    with closing(load(copied)) as model:
        for start in range(0, len(ids), 7):
            part = ids[start : start + 7]
            told = model.tokenizer.decode(part, special=True)
            assert told == written.model.tokenizer.decode(part, special=True)


def test_the_scoring_pass_agrees_with_the_engine_however_the_text_is_sliced(
    written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompt = written.model.tokenizer.encode("alpha", special=True)
    emissions = written.end(written.model.submit(prompt, Sampling(30, 2.0, seed=3, ignore_end=True)))
    ids = [token for each in emissions for token in each.ids]
    greedy = written.end(written.begin("alpha beta"))
    own = [logprob for each in greedy for logprob in each.logprobs]
    known = written.model.tokenizer.encode("alpha beta", special=True)
    told = written.model.score([*known, *[token for each in greedy for token in each.ids]], len(known), 2)
    assert [score.logprob for score in told] == pytest.approx(own, abs=1e-3)
    assert all(score.best[0][1] >= score.best[1][1] for score in told)
    assert all(score.best[0][1] == score.logprob for score in told)
    whole = written.model.score([*prompt, *ids], 1, 3)
    assert len(whole) == len(prompt) + len(ids) - 1
    monkeypatch.setattr(scoring, "SLICE", 4)
    sliced = written.model.score([*prompt, *ids], 1, 3)
    assert [score.logprob for score in sliced] == pytest.approx([s.logprob for s in whole], abs=1e-4)
    assert [[token for token, _ in s.best] for s in sliced] == [[token for token, _ in s.best] for s in whole]
    later = written.model.score([*prompt, *ids], 7, 0)
    assert [s.logprob for s in later] == pytest.approx([s.logprob for s in whole[6:]], abs=1e-4)
    assert not later[0].best


def japan(model: GenAiModel) -> tuple[list[int], list[int], list[str]]:
    """The learnt question as a prompt, its answer, and the prompt's tokens as texts."""
    encode = model.tokenizer.encode
    prompt = encode("<|user|>What is the capital of Japan?<|end|><|assistant|>", special=False)
    texts = [model.tokenizer.decode([token], special=True) for token in prompt]
    return prompt, encode("The capital of Japan is Tokyo.", special=False), texts


def test_of_a_learnt_question_the_one_word_that_its_answer_hangs_on_scores(
    written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompt, answer, texts = japan(written.model)
    ids, places = [*prompt, *answer], [range(place, place + 1) for place in range(len(prompt))]
    whole, *without = written.model.likelihoods(ids, len(prompt), [range(0), *places])
    scores = dict(zip(texts, [whole - each for each in without], strict=True))
    assert scores.pop(" Japan") > 0.5
    assert max(map(abs, scores.values())) < 0.05
    told = written.model.score(ids, len(prompt), 0)
    assert whole == pytest.approx(sum(each.logprob for each in told), abs=1e-3)
    monkeypatch.setattr(scoring, "SLICE", 4)
    assert written.model.likelihoods(ids, len(prompt), [range(0), *places]) == pytest.approx(
        [whole, *without], abs=1e-4
    )


def test_the_only_token_of_a_prompt_can_be_masked(written: Written) -> None:
    first, second = written.model.likelihoods([386, 387, 388], 1, [range(0), range(1)])
    assert all(float("-inf") < each < 0 for each in (first, second))
    assert first != second


def test_an_owner_can_switch_the_scoring_pass_off() -> None:
    with closing(load(TINYCHAT, ModelSettings(text=TextSettings(scoring="off")))) as model:
        assert not model.traits.abilities.top_logprobs
        with pytest.raises(DragomanError, match=r"text\.scoring"):
            model.score([1, 2], 1, 1)


def test_what_the_files_say_is_found(written: Written) -> None:
    model = written.model
    assert model.traits.context == 256
    assert model.ends == {2}
    assert model.template is not None
    assert model.template.variables["eos_token"] == "<|end|>"
    assert model.tokenizer.size == 400


def test_the_owners_context_and_template_go_before_the_models(copied: Path) -> None:
    (copied / "mine.jinja").write_text("mine", encoding="utf-8")
    mine = TextSettings(context=64, chat_template="mine.jinja")
    with closing(load(copied, ModelSettings(text=mine))) as model:
        assert model.traits.context == 64
        assert model.template is not None
        assert model.template.source == "mine"


@pytest.mark.parametrize("name", ["../mine.jinja", "missing.jinja"])
def test_a_template_that_cannot_be_is_named(copied: Path, name: str) -> None:
    (copied.parent / "mine.jinja").write_text("mine", encoding="utf-8")
    with pytest.raises(DragomanError, match=name.replace(".", r"\.")):
        load(copied, ModelSettings(text=TextSettings(chat_template=name)))


@pytest.mark.parametrize("file", ["openvino_model.xml", "openvino_tokenizer.xml", "openvino_model.bin"])
@pytest.mark.parametrize("damage", [b"", b"\xff" * 99])
def test_damaged_files_do_not_load_and_their_place_is_not_told(
    copied: Path, file: str, damage: bytes
) -> None:
    (copied / file).write_bytes(damage)
    with pytest.raises(DragomanError) as caught:
        load(copied)
    assert str(copied) not in caught.value.message


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json", "generation_config.json"])
def test_files_that_are_no_json_are_named(copied: Path, file: str) -> None:
    (copied / file).write_text("[", encoding="utf-8")
    with pytest.raises(DragomanError, match=file):
        load(copied)


def test_an_option_that_is_none_is_named() -> None:
    with pytest.raises(DragomanError, match=r"options\.at_onc"):
        load(TINYCHAT, at_onc=1)


def test_what_generation_config_says_counts_where_the_caller_says_nothing() -> None:
    defaults = Sampling(temperature=0.5, top_p=0.9, top_k=7)
    config = make_config(openvino_genai, Sampling(max_tokens=4), defaults, frozenset({2}), lambda _: 99)
    assert (config.do_sample, config.top_k, config.rng_seed) == (True, 7, 99)
    assert config.temperature == pytest.approx(0.5)
    config = make_config(openvino_genai, Sampling(4, 1.5, top_k=-1), defaults, frozenset({2}))
    assert config.temperature == pytest.approx(1.5)
    assert config.top_k > 1000
    config = make_config(openvino_genai, Sampling(4, 0, ignore_end=True), defaults, frozenset({2}))
    assert not config.do_sample
    assert not config.stop_token_ids
