"""Makes the small models of texts here, in seconds and of nothing but what stands in this file.

    python make.py DIRECTORY    needs torch, transformers, tokenizers

DIRECTORY/tinychat   a Llama of two layers (125,000 weights) that has learnt a few sentences by heart
DIRECTORY/tinyembed  a BERT of two layers with random weights, mean pooling, unit length, 32 numbers

What is committed was then exported, with optimum-intel and openvino-tokenizers:

    optimum-cli export openvino -m DIRECTORY/tinychat --task text-generation-with-past tinychat
    convert_tokenizer DIRECTORY/tinychat --with-detokenizer -o tinychat
    optimum-cli export openvino -m DIRECTORY/tinyembed --task feature-extraction tinyembed

and `tinychat_hf` is DIRECTORY/tinychat as it is.
"""

import json
import sys
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import BertConfig, BertModel, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

SPECIAL = ["<pad>", "<s>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]
TURNS = [
    ("What is the capital of France?", "The capital of France is Paris."),
    ("What is the capital of Japan?", "The capital of Japan is Tokyo."),
    ("Say hello.", "Hello there, friend!"),
    ("Count to five.", "one two three four five"),
    ("Who are you?", "I am a very small model."),
    ("Say naïve café 🙂.", "naïve café 🙂"),
]
PLAIN = ["The quick brown fox jumps over the lazy dog.", "alpha beta gamma delta epsilon zeta eta theta"]
TEMPLATE = (
    "{% for m in messages %}{{ '<|' + m['role'] + '|>' + m['content'] + '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


def tokenizer(lines):
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tok.decoder = decoders.ByteLevel()
    tok.train_from_iterator(
        lines,
        trainers.BpeTrainer(
            vocab_size=400,
            special_tokens=SPECIAL,
            show_progress=False,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        ),
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tok,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="<|end|>",
        clean_up_tokenization_spaces=False,
    )
    fast.chat_template = TEMPLATE
    return fast


def main(root):
    lines = [f"<|user|>{q}<|end|><|assistant|>{a}<|end|>" for q, a in TURNS] + [p + "<|end|>" for p in PLAIN]
    tok = tokenizer([line for line in lines if line.isascii()])  # so that é and 🙂 stay several tokens each
    torch.manual_seed(0)
    chat = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tok),
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=256,
            bos_token_id=1,
            eos_token_id=2,
            pad_token_id=0,
            tie_word_embeddings=False,
        )
    )
    batch = tok(lines, padding=True, return_tensors="pt")
    labels = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
    optimizer = torch.optim.AdamW(chat.parameters(), 3e-3)
    for _ in range(400):
        loss = chat(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], labels=labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    chat.eval()
    chat.generation_config.pad_token_id = 0
    chat.save_pretrained(root / "tinychat")
    tok.save_pretrained(root / "tinychat")
    torch.manual_seed(1)
    embed = BertModel(
        BertConfig(
            vocab_size=len(tok),
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            max_position_embeddings=64,
            pad_token_id=0,
        )
    ).eval()
    embed.save_pretrained(root / "tinyembed")
    tok.model_max_length = 64
    tok.chat_template = None
    tok.save_pretrained(root / "tinyembed")
    (root / "tinyembed" / "1_Pooling").mkdir(exist_ok=True)
    (root / "tinyembed" / "1_Pooling" / "config.json").write_text(
        json.dumps(
            {
                "word_embedding_dimension": 32,
                "pooling_mode_mean_tokens": True,
                "pooling_mode_cls_token": False,
            }
        )
    )
    (root / "tinyembed" / "modules.json").write_text(
        json.dumps(
            [
                {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
                {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
                {
                    "idx": 2,
                    "name": "2",
                    "path": "2_Normalize",
                    "type": "sentence_transformers.models.Normalize",
                },
            ]
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
