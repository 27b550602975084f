"""Makes the folder of the built-in base model with random networks: the start of a training.

python -m builtin_model.build --pictures DIR --merges bpe_simple_vocab_16e6.txt.gz --out DIR
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from builtin_model import lapped
from builtin_model.autoencoder import PatchAutoencoder
from builtin_model.data import PortraitSource
from builtin_model.model import LATENT_CHANNELS, fresh, save
from builtin_model.vocabulary import read_merges, write_tokenizer

MERGES = 2000
"""Kept of CLIP's merges: the commonest words stay one token, and the embedding table stays small."""

WHITENING = 0.7
"""Between colours that survive noise (0) and fine channels that do (1); chosen by measurement."""


def build(merges: Path, vae: PatchAutoencoder, out: Path) -> None:
    """Tokenizer, random networks and the learnt autoencoder, in diffusers' layout."""
    write_tokenizer(out / "tokenizer", read_merges(merges, MERGES))
    save(fresh(out / "tokenizer", vae), out)


def main() -> None:
    """The command."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=Path, help="folder with index.csv, for the autoencoder")
    parser.add_argument("--vae", type=Path, help="a learnt autoencoder, instead of --pictures")
    parser.add_argument("--merges", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    if options.vae:
        vae = PatchAutoencoder.from_pretrained(options.vae, local_files_only=True)
    else:
        source = PortraitSource(options.pictures, 128, seed=0)
        vae = lapped.learn(source.pictures, LATENT_CHANNELS, steps=1500, whitening=WHITENING)
    build(options.merges, vae, options.out)


if __name__ == "__main__":
    main()
