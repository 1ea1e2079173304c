"""The engine of transformers: the same words as OpenVINO's, of the folder that it was exported from."""

import json
import queue
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from dragoman.core.errors import Code, DragomanError
from dragoman.core.generation import Finish, Sampling
from dragoman.engines.base import Artifact, Emission
from dragoman.engines.transformers import TransformersEngine, model
from dragoman.engines.transformers.choosing import Chooser
from dragoman.engines.transformers.model import TransformersModel
from dragoman.repository.tree import scan
from dragoman.settings.model import ModelSettings
from tests.engines.text_models import MODELS

FOLDER = MODELS / "tinychat_hf"
GREEDY = Sampling(max_tokens=40, temperature=0)


class Written:
    """A model that is started, and what its steps gave."""

    def __init__(self, model: TransformersModel) -> None:
        self.model = model
        self._given: queue.SimpleQueue[Sequence[Emission]] = queue.SimpleQueue()
        self.told: dict[int, list[Emission]] = {}
        model.start(self._given.put)

    def begin(self, prompt: str, sampling: Sampling = GREEDY) -> int:
        return self.model.submit(self.model.tokenizer.encode(prompt, special=True), sampling)

    def end(self, handle: int) -> list[Emission]:
        while not any(each.finish or each.error for each in self.told.get(handle, [])):
            for emission in self._given.get(timeout=60):
                self.told.setdefault(emission.handle, []).append(emission)
        return self.told[handle]

    def text(self, prompt: str, sampling: Sampling = GREEDY) -> str:
        ids = [token for each in self.end(self.begin(prompt, sampling)) for token in each.ids]
        return self.model.tokenizer.decode(ids, special=False)


def load(folder: Path, **options: object) -> TransformersModel:
    return TransformersEngine().load(Artifact(str(folder / "config.json"), "m", 1), options)


@pytest.fixture(scope="module")
def written() -> Iterator[Written]:
    loaded = load(FOLDER)
    yield Written(loaded)
    loaded.close()
    loaded.close()
    with pytest.raises(DragomanError) as caught:
        loaded.submit([1], GREEDY)
    assert caught.value.code is Code.UNAVAILABLE


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOLDER, tmp_path / "m"))


def test_it_claims_folders_of_hugging_face_that_write(copied: Path) -> None:
    assert TransformersEngine.claim(scan(str(copied)), ModelSettings()) is not None
    (copied / "modules.json").write_text("[]", encoding="utf-8")
    assert TransformersEngine.claim(scan(str(copied)), ModelSettings()) is None


def test_what_it_knows_by_heart_is_written(written: Written) -> None:
    assert written.text("alpha beta") == " gamma delta epsilon zeta eta theta"
    prompt = "<|user|>Say naïve café 🙂.<|end|><|assistant|>"
    assert written.text(prompt) == "naïve café 🙂"


def test_a_text_ends_at_a_token_or_at_its_limit(written: Written) -> None:
    emissions = written.end(written.begin("alpha beta"))
    assert emissions[-1].finish is Finish.STOP
    assert list(emissions[-1].ids) == [2]
    short = written.end(written.begin("alpha beta", Sampling(3, 0)))
    assert (len(short), short[-1].finish) == (3, Finish.LENGTH)
    assert all(-0.1 < each.logprobs[0] <= 0 for each in emissions)


def test_a_seed_gives_the_same_text_alone_and_in_company_and_none_gives_others(written: Written) -> None:
    wild = Sampling(12, 2.0, seed=7)
    alone = written.text("alpha", wild)
    others = [written.begin("alpha", Sampling(12, 2.0, seed=seed)) for seed in (1, 2, -1, 2**64 - 1)]
    assert written.text("alpha", wild) == alone
    assert all(written.end(other) for other in others)
    assert len({written.text("alpha", Sampling(12, 2.0)) for _ in range(8)}) > 1


def test_a_bias_and_tokens_that_must_come_are_heeded(written: Written) -> None:
    first = written.end(written.begin("alpha beta", Sampling(1, 0, logit_bias={70: 100.0})))
    assert list(first[0].ids) == [70]
    long = written.end(written.begin("alpha beta", Sampling(30, 0, min_tokens=20)))
    assert len(long) >= 20


def test_a_text_that_is_cancelled_gives_nothing_more(written: Written) -> None:
    handle = written.begin("alpha beta", Sampling(200, 0, ignore_end=True))
    written.model.cancel(handle)
    written.text("alpha beta")
    told = len(written.told.get(handle, []))
    written.text("alpha beta")
    assert len(written.told.get(handle, [])) == told < 200


def test_the_scoring_pass_agrees_with_the_steps(written: Written) -> None:
    emissions = written.end(written.begin("alpha beta"))
    known = written.model.tokenizer.encode("alpha beta", special=True)
    ids = [*known, *[token for each in emissions for token in each.ids]]
    told = written.model.score(ids, len(known), 2)
    assert [score.logprob for score in told] == pytest.approx(
        [each.logprobs[0] for each in emissions], abs=1e-4
    )
    assert [score.best[0][0] for score in told] == ids[len(known) :]
    assert len(written.model.score(ids, 1, 0)) == len(ids) - 1


def test_a_masked_token_makes_an_answer_less_likely_that_hangs_on_it(
    written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode = written.model.tokenizer.encode
    prompt = encode("<|user|>What is the capital of Japan?<|end|><|assistant|>", special=False)
    ids = [*prompt, *encode("The capital of Japan is Tokyo.", special=False)]
    masked = [range(0), *[range(place, place + 1) for place in range(len(prompt))]]
    whole, *without = written.model.likelihoods(ids, len(prompt), masked)
    scores = [whole - each for each in without]
    assert written.model.tokenizer.decode([prompt[scores.index(max(scores))]], special=True) == " Japan"
    assert sorted(map(abs, scores))[-2] < 0.05
    monkeypatch.setattr(model, "SLICE", 4)
    assert written.model.likelihoods(ids, len(prompt), masked) == pytest.approx([whole, *without], abs=1e-3)


ROW = torch.tensor([0.0, 1.0, 2.0, 3.0, -torch.inf])


@pytest.mark.parametrize(
    ("sampling", "kept"),
    [
        (Sampling(temperature=1.0), {0, 1, 2, 3}),
        (Sampling(temperature=1.0, top_k=2), {2, 3}),
        (Sampling(temperature=1.0, top_p=0.5), {3}),
        (Sampling(temperature=1.0, top_p=0.8), {2, 3}),
        (Sampling(temperature=1.0, min_p=0.3), {2, 3}),
        (Sampling(temperature=0), {3}),
        (Sampling(temperature=0, repetition_penalty=2.0), {2}),
    ],
)
def test_tokens_are_chosen_among_those_that_are_kept(sampling: Sampling, kept: set[int]) -> None:
    chosen = {Chooser(torch, sampling, [3], frozenset(), seed).choose(ROW)[0] for seed in range(200)}
    assert chosen == kept


def test_penalties_count_what_was_written() -> None:
    chooser = Chooser(torch, Sampling(temperature=0, frequency_penalty=0.6), [], frozenset(), 0)
    assert [chooser.choose(ROW)[0] for _ in range(4)] == [3, 3, 2, 3]


@pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json"])
def test_damaged_files_do_not_load_and_their_place_is_not_told(copied: Path, file: str) -> None:
    (copied / file).write_bytes(b'{"a": 1}')
    with pytest.raises(DragomanError) as caught:
        load(copied)
    assert str(copied) not in caught.value.message


def in_two_files(folder: Path) -> list[Path]:
    """The folder's weights in two files with an index; the files."""
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = sorted(weights)
    found, parts = [], {}
    for number, part in enumerate((names[:5], names[5:]), 1):
        found.append(folder / f"model-{number:05}-of-00002.safetensors")
        save_file({name: weights[name] for name in part}, found[-1], metadata={"format": "pt"})
        parts.update(dict.fromkeys(part, found[-1].name))
    index = json.dumps({"metadata": {}, "weight_map": parts})
    (folder / "model.safetensors.index.json").write_text(index, encoding="utf-8")
    return found


def test_weights_in_several_files_are_read(copied: Path, written: Written) -> None:
    in_two_files(copied)
    other = Written(load(copied))
    assert other.text("alpha beta") == written.text("alpha beta")
    other.model.close()


def test_of_several_files_of_weights_the_one_that_is_cut_off_or_not_there_is_named(copied: Path) -> None:
    _, second = in_two_files(copied)
    whole = second.read_bytes()
    for length in (0, 7, 8, 100, len(whole) // 2, len(whole) - 1):
        second.write_bytes(whole[:length])
        with pytest.raises(DragomanError) as caught:
            load(copied)
        assert caught.value.message == f"{second.name} does not load: it is truncated or damaged"
    second.unlink()
    with pytest.raises(DragomanError) as caught:
        load(copied)
    assert caught.value.message == f"{second.name} does not load: there is no such file"


def test_code_of_a_folder_is_not_run(copied: Path) -> None:
    config = (copied / "config.json").read_text(encoding="utf-8")
    (copied / "code.py").write_text("raise SystemExit('ran')", encoding="utf-8")
    auto = '"auto_map": {"AutoModelForCausalLM": "code.Model"}, "model_type": "nobody_knows",'
    (copied / "config.json").write_text(config.replace('"model_type": "llama",', auto), encoding="utf-8")
    with pytest.raises(DragomanError) as caught:
        load(copied)
    assert caught.value.code is Code.INTERNAL


def test_an_option_that_is_none_is_named() -> None:
    with pytest.raises(DragomanError, match=r"options\.devise"):
        load(FOLDER, devise="cpu")
