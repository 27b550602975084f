"""LoRA files: look into their header, merge them in the space of their products, keep metadata and hashes.

Kohya's format: `<module>.lora_down.weight` (r, in[, k, k]), `<module>.lora_up.weight` (out, r[, 1, 1]),
`<module>.alpha` (scalar). A module changes its layer by (alpha / r) * up @ down. The mean of several
LoRAs is the mean of those products; means of up and of down taken apart multiply to something else.
"""

from easyphoto.lora.inspection import LoraInfo, inspect
from easyphoto.lora.merging import merge
from easyphoto.lora.validation import check_whole

__all__ = ["LoraInfo", "check_whole", "inspect", "merge"]
