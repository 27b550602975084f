"""The configuration of one training: flat, with kohya's names where kohya has one."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from kohya_train.contract.failures import BadConfig
from kohya_train.contract.plain import bounded, build, check

VERSION = 1
_FAMILY_FILES = (Path(__file__).parents[1] / "families").glob("*.py")
FAMILIES = tuple(sorted(file.stem.replace("_", "-") for file in _FAMILY_FILES if file.stem not in ("__init__", "base")))
"""Names of those that `families` has a file of."""
OPTIMIZERS = ("AdamW", "AdamW8bit", "Adafactor", "Prodigy", "AdamWScheduleFree")
SCHEDULES = ("constant", "constant_with_warmup", "linear", "cosine", "cosine_with_restarts")


@dataclass(frozen=True)
class ValidationTemplate:
    """A picture and its mask ("L", same size, white = repaint)."""

    picture: str
    mask: str


@dataclass(frozen=True)
class ValidationPlan:
    """How validation images are made at each checkpoint; without templates there are none."""

    templates: tuple[ValidationTemplate, ...] = ()
    prompt: str = ""
    negative_prompt: str = ""
    strength: float = 0.65
    steps: int = 20
    cfg_scale: float = 9.0
    at_start: bool = False  # also before the first step, as step 0: what the base model does without the LoRA


@dataclass(frozen=True)
class TrainConfig:
    """One training run. Defaults are SD 1.5's; lengths in pixels, learning rates per optimiser step.

    docs/trainer.md has a line for each field; its bounds and other trainers' names stand at the field.
    """

    family: str  # one of FAMILIES
    base_model: str  # a .safetensors file or a diffusers folder
    data_folder: str  # train/*.png with captions in *.txt, metadata.jsonl; or pictures and captions side by side
    output_folder: str  # checkpoint-N.safetensors, validation_images/, resume.safetensors
    steps: int = bounded(0, 1, kohya="max_train_steps", onetrainer="Epochs")  # optimiser steps
    config_folder: str = ""  # architecture and tokenizer for a single file; "" for a diffusers folder
    name: str = bounded("easyphoto", kohya="output_name", onetrainer="Model Output Destination")  # ss_output_name
    resolution: int = bounded(512, 8, kohya="resolution", onetrainer="Resolution")
    save_steps: int = bounded(100, 1, kohya="save_every_n_steps", onetrainer="Save Every")
    batch_size: int = bounded(4, 1, kohya="train_batch_size", onetrainer="Local Batch Size")
    accumulation: int = bounded(1, 1, kohya="gradient_accumulation_steps", onetrainer="Accumulation Steps")
    learning_rate: float = bounded(1e-4, 0, kohya="unet_lr", onetrainer="UNet Learning Rate")
    # 0 leaves the text encoder as it is
    text_encoder_lr: float = bounded(5e-5, 0, kohya="text_encoder_lr", onetrainer="Text Encoder Learning Rate")
    rank: int = bounded(128, 1, kohya="network_dim", onetrainer="LoRA rank")
    alpha: float = bounded(64.0, 0, kohya="network_alpha", onetrainer="LoRA alpha")
    min_snr_gamma: float = bounded(0.0, 0, 100, kohya="min_snr_gamma", onetrainer="Loss Weight Function: MIN_SNR_GAMMA")
    noise_offset: float = bounded(0.0, 0, 1, kohya="noise_offset", onetrainer="Offset Noise Weight")
    gradient_checkpointing: bool = bounded(
        False, kohya="gradient_checkpointing", onetrainer="Gradient Checkpointing"
    )  # without it, it is turned on where memory would not do
    precision: str = bounded(
        "auto", choices=("auto", "fp32", "fp16", "bf16"), kohya="mixed_precision", onetrainer="Train Data Type"
    )
    seed: int = bounded(42, 0, kohya="seed")
    threads: int = bounded(0, 0)  # CPU threads; 0 = as many as torch takes by itself
    processes: int = bounded(1, 0)  # 0 = one a GPU, one on CPU
    resume: bool = bounded(False, kohya="resume", onetrainer="Continue from last backup")
    validation_images: ValidationPlan = field(default_factory=ValidationPlan)
    # ---- speed
    exact: bool = False  # nothing is chosen by measurement and nothing rounded: the same bytes on every such machine
    lora_forward: str = bounded("auto", choices=("auto", "separate", "folded"))  # see `adapter`
    cache_folder: str = bounded("", kohya="cache_latents_to_disk", onetrainer="Cache Directory")  # "": output_folder
    machine_folder: str = ""  # where the machine's own figures are kept; "": cache_folder
    # ---- network
    conv_dim: int = bounded(0, 0, kohya="conv_dim (network_args)", onetrainer="")  # 0: no LoRA on 3x3 convolutions
    conv_alpha: float = bounded(1.0, 0, kohya="conv_alpha (network_args)")
    dora: bool = bounded(False, onetrainer="Decompose Weights (DoRA)")
    rank_stabilized: bool = bounded(False)
    loraplus_lr_ratio: float = bounded(1.0, 1, 64, kohya="loraplus_lr_ratio (network_args)")
    down_lr_weight: tuple[float, ...] = bounded((), 0, 10, kohya="down_lr_weight (network_args)")  # a number a level
    mid_lr_weight: float = bounded(1.0, 0, 10, kohya="mid_lr_weight (network_args)")
    up_lr_weight: tuple[float, ...] = bounded((), 0, 10, kohya="up_lr_weight (network_args)")
    network_weights: str = bounded("", kohya="network_weights", onetrainer="LoRA base model")  # LoRA to go on from
    scale_weight_norms: float = bounded(0.0, 0, kohya="scale_weight_norms")  # 0: off
    # ---- optimiser
    optimizer: str = bounded("AdamW", choices=OPTIMIZERS, kohya="optimizer_type", onetrainer="Optimizer")
    weight_decay: float = bounded(1e-2, 0, 1, kohya="weight_decay (optimizer_args)", onetrainer="Weight Decay")
    lr_scheduler: str = bounded(
        "constant", choices=SCHEDULES, kohya="lr_scheduler", onetrainer="Learning Rate Scheduler"
    )
    lr_warmup_steps: int = bounded(0, 0, kohya="lr_warmup_steps", onetrainer="Learning Rate Warmup Steps")
    lr_scheduler_num_cycles: int = bounded(
        1, 1, 100, kohya="lr_scheduler_num_cycles", onetrainer="Learning Rate Cycles"
    )
    max_grad_norm: float = bounded(1.0, 0, kohya="max_grad_norm", onetrainer="Clip Grad Norm")  # 0: not clipped
    ema_decay: float = bounded(0.0, 0, 0.99999, onetrainer="EMA Decay")  # 0: off
    # ---- losses
    loss_type: str = bounded("l2", choices=("l2", "huber", "smooth_l1"), kohya="loss_type", onetrainer="MSE Strength")
    huber_c: float = bounded(0.1, 1e-6, 10, kohya="huber_c", onetrainer="Huber Delta")
    huber_schedule: str = bounded("snr", choices=("constant", "exponential", "snr"), kohya="huber_schedule")
    debiased_estimation: bool = bounded(
        False, kohya="debiased_estimation_loss", onetrainer="Loss Weight Function: DEBIASED_ESTIMATION"
    )
    ip_noise_gamma: float = bounded(0.0, 0, 1, kohya="ip_noise_gamma", onetrainer="Perturbation Noise Weight")
    zero_terminal_snr: bool = bounded(
        False, kohya="zero_terminal_snr", onetrainer="Rescale Noise Scheduler + V-pred"
    )  # also on where the checkpoint says so
    v_parameterization: bool = bounded(
        False, kohya="v_parameterization", onetrainer="Rescale Noise Scheduler + V-pred"
    )  # also on where the checkpoint says so
    # ---- data
    masked_loss: bool = bounded(False, kohya="masked_loss", onetrainer="Masked Training")
    unmasked_weight: float = bounded(0.0, 0, 1, onetrainer="Unmasked Weight")
    reg_folder: str = bounded("", kohya="reg_data_dir", onetrainer="Concept Type: PRIOR_PREDICTION")
    prior_loss_weight: float = bounded(1.0, 0, 10, kohya="prior_loss_weight", onetrainer="Loss Weight")
    class_prompt: str = bounded("", kohya="class_tokens")  # with it the base model makes the regularization pictures
    class_images: int = bounded(0, 0, 1000)
    enable_bucket: bool = bounded(False, kohya="enable_bucket", onetrainer="Aspect Ratio Bucketing")
    bucket_reso_steps: int = bounded(64, 8, 256, kohya="bucket_reso_steps")
    random_crop: bool = bounded(True, kohya="random_crop", onetrainer="Crop Jitter")
    flip_aug: bool = bounded(True, kohya="flip_aug", onetrainer="Random Flip")
    caption_extension: str = bounded(".txt", kohya="caption_extension", onetrainer="Prompt Source")
    caption_dropout_rate: float = bounded(
        0.0, 0, 1, kohya="caption_dropout_rate", onetrainer="Caption Dropout Probability"
    )
    shuffle_caption: bool = bounded(False, kohya="shuffle_caption", onetrainer="Tag Shuffling")
    keep_tokens: int = bounded(0, 0, 100, kohya="keep_tokens", onetrainer="Keep Tag Count")
    # ---- sight and metadata
    log_with: str = bounded("", choices=("", "tensorboard"), kohya="log_with", onetrainer="Tensorboard")
    trigger_word: str = ""  # modelspec.trigger_phrase
    license: str = bounded("", kohya="metadata_license")
    author: str = bounded("", kohya="metadata_author")
    thumbnail: str = ""  # a picture that goes into the file, at most 256 pixels wide

    def __post_init__(self) -> None:
        if self.family not in FAMILIES:
            raise BadConfig("unknown-family", family=self.family)
        check(self)
        if not 0 < self.alpha <= self.rank:
            raise BadConfig("alpha-out-of-range", alpha=self.alpha, rank=self.rank)
        if self.debiased_estimation and self.min_snr_gamma:
            raise BadConfig("two-loss-weights")

    @property
    def cache(self) -> Path:
        """Where latents and pictures of the class are kept."""
        return Path(self.cache_folder or self.output_folder)

    @property
    def machine(self) -> Path:
        """Where what was measured about the machine is kept."""
        return Path(self.machine_folder or self.cache)

    def write(self, file: Path) -> None:
        """As versioned JSON, UTF-8."""
        stored = {"version": VERSION, **asdict(self)}
        file.write_text(json.dumps(stored, ensure_ascii=False, indent=1), encoding="utf-8")

    @classmethod
    def read(cls, file: Path) -> TrainConfig:
        """The config in `file`. Raises BadConfig; OSError when it cannot be read."""
        try:
            stored = json.loads(file.read_text(encoding="utf-8"))
        except ValueError as problem:
            raise BadConfig("no-json", file=str(file), why=str(problem)) from problem
        if not isinstance(stored, dict) or stored.pop("version", None) != VERSION:
            raise BadConfig("other-version", file=str(file), version=VERSION)
        plan = build(ValidationPlan, stored.pop("validation_images", {}))
        templates = tuple(build(ValidationTemplate, one) for one in plan.templates)
        config: TrainConfig = build(cls, {**stored, "validation_images": replace(plan, templates=templates)})
        return config
