"""CLIP's byte-pair vocabulary, cut to a wanted number of merges."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

CLIP_MERGES = 48894
"""Merges of the full vocabulary: 512 symbols + 48894 merges + 2 specials = 49408."""

START, END = "<|startoftext|>", "<|endoftext|>"


def byte_symbols() -> list[str]:
    """The 256 printable characters that stand for the bytes, in CLIP's order (Radford et al. 2019)."""
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + index) for index in range(len(others))]


def read_merges(file: Path, count: int) -> list[str]:
    """The first `count` merges of the gzipped list that OpenAI published (first line is a version)."""
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        return [line.strip() for line, _ in zip(lines.readlines()[1:], range(count), strict=False)]


def vocabulary(merges: list[str]) -> dict[str, int]:
    """Token -> id, as CLIP numbers them."""
    symbols = byte_symbols()
    tokens = [*symbols, *(symbol + "</w>" for symbol in symbols)]
    tokens += ["".join(merge.split()) for merge in merges]
    tokens += [START, END]
    return {token: index for index, token in enumerate(tokens)}


def write_tokenizer(folder: Path, merges: list[str], length: int = 77) -> None:
    """The files a CLIPTokenizer is loaded from."""
    folder.mkdir(parents=True, exist_ok=True)
    tokens = vocabulary(merges)
    settings = {
        "tokenizer_class": "CLIPTokenizer",
        "model_max_length": length,
        "do_lower_case": True,
        "add_prefix_space": False,
        "errors": "replace",
        "bos_token": START,
        "eos_token": END,
        "unk_token": END,
        "pad_token": END,
    }
    _write(folder / "vocab.json", json.dumps(tokens, ensure_ascii=False))
    _write(folder / "merges.txt", "\n".join(["#version: 0.2", *merges]) + "\n")
    _write(folder / "tokenizer_config.json", json.dumps(settings, indent=2) + "\n")
    _write(folder / "special_tokens_map.json", json.dumps({k: v for k, v in settings.items() if "_token" in k}) + "\n")


def _write(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8", newline="\n")
