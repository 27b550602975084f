from __future__ import annotations

import gzip
import json
from pathlib import Path

from transformers import CLIPTokenizer

from builtin_model.vocabulary import CLIP_MERGES, byte_symbols, read_merges, vocabulary, write_tokenizer

MODELS = Path(__file__).resolve().parents[2] / "models"


def test_every_byte_has_its_own_printable_symbol():
    symbols = byte_symbols()
    assert len(set(symbols)) == 256
    assert symbols[0] == "!"
    assert not any(symbol.isspace() for symbol in symbols)


def test_ids_follow_the_merges():
    tokens = vocabulary(["i n", "t h</w>"])
    assert (tokens["in"], tokens["th</w>"], tokens["<|startoftext|>"]) == (512, 513, 514)
    assert len(tokens) == 512 + 2 + 2


def test_merges_are_read_up_to_the_count(tmp_path: Path):
    file = tmp_path / "merges.gz"
    file.write_bytes(gzip.compress(b"version\ni n\nt h\na n\n"))
    assert read_merges(file, 2) == ["i n", "t h"]


def test_the_full_vocabulary_is_clips():
    folder = MODELS / "configs" / "sd15" / "tokenizer"
    assert len(json.loads((folder / "vocab.json").read_text(encoding="utf-8"))) == 512 + CLIP_MERGES + 2 == 49408
    tokenizer = CLIPTokenizer.from_pretrained(folder, local_files_only=True)
    assert tokenizer("a photo of a cat").input_ids == [49406, 320, 1125, 539, 320, 2368, 49407]


def test_a_small_vocabulary_spells_what_it_does_not_know(tmp_path: Path):
    write_tokenizer(tmp_path, ["p h", "o t", "ph ot", "phot o</w>"], length=16)
    tokenizer = CLIPTokenizer.from_pretrained(tmp_path, local_files_only=True)
    assert tokenizer.tokenize("photo é") == ["photo</w>", "Ã", "©</w>"]
    assert len(tokenizer("photo " * 40, truncation=True).input_ids) == 16
