"""What is asked of a family: data, and small functions where data do not do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from PIL import Image

from kohya_train.checkpoint_architecture import Fit
from kohya_train.contract import TrainerError

if TYPE_CHECKING:
    import torch

    from kohya_train.contract import TrainConfig, TrainerEvent, ValidationPlan


class WrongCount(TrainerError):
    """The base model took another number of LoRA modules than its family has."""


@dataclass(frozen=True)
class TextEncoder:
    """A text encoder of the family; its tokenizer lies in the folder of the same name with `tokenizer`."""

    folder: str  # "text_encoder"
    kind: str  # its class in transformers
    prefix: str  # of its LoRA modules, kohya's

    @property
    def tokenizer(self) -> str:
        """The tokenizer's folder."""
        return self.folder.replace("text_encoder", "tokenizer")


TextStates = tuple["torch.Tensor", "torch.Tensor | None"]
"""Cross-attention states (n, 77, c), and the pooled states (n, c2) where the U-Net takes some."""


@dataclass(frozen=True)
class Picture:
    """A picture (RGB) and its mask ("L", same size, 255 = repaint)."""

    picture: Image.Image
    mask: Image.Image


class BaseNetworks(Protocol):
    """What repainting takes of a base model; see `kohya_train.models.Bundle`."""

    @property
    def spec(self) -> TrainerSpec:
        """What is particular to the family."""
        ...

    @property
    def unet(self) -> Any:
        """UNet2DConditionModel."""
        ...

    @property
    def vae(self) -> Any:
        """encode(x).latent_dist, decode(z).sample."""
        ...

    @property
    def text_encoders(self) -> tuple[Any, ...]:
        """One, or two."""
        ...

    @property
    def tokenizers(self) -> tuple[Any, ...]:
        """As many."""
        ...

    @property
    def scheduler(self) -> Any:
        """DDPMScheduler."""
        ...


Repaint = Callable[[BaseNetworks, "ValidationPlan", Picture, int], Image.Image]
"""The picture with its masked part repainted; the number is the seed."""


OwnTraining = Callable[["TrainConfig", Callable[["TrainerEvent"], None]], None]
"""A family's own training of a configuration, which reports its events."""


def last_states(outputs: Sequence[Any]) -> TextStates:
    """The last layer of the only text encoder."""
    return outputs[0].last_hidden_state, None


def plain_autoencoder() -> Any:
    """Diffusers'."""
    from diffusers import AutoencoderKL

    return AutoencoderKL


def no_modules(unet: Mapping[str, Any], text: Sequence[Any]) -> tuple[int, int]:
    """Of families that the common training does not know."""
    return 0, 0


def no_repaint(bundle: BaseNetworks, plan: ValidationPlan, work: Picture, seed: int) -> Image.Image:
    """Of families that the common training does not know. Raises NotImplementedError."""
    raise NotImplementedError


@dataclass(frozen=True)
class TrainerSpec:
    """Everything in which a family differs from the others."""

    base_version: str  # `ss_base_model_version` in kohya's metadata
    architecture: str  # `modelspec.architecture`
    text_encoders: tuple[TextEncoder, ...] = ()
    text_states: Callable[[Sequence[Any]], TextStates] = last_states  # from the outputs of the text encoders
    module_counts: Callable[[Mapping[str, Any], Sequence[Any]], tuple[int, int]] = no_modules
    """LoRA modules of (text encoders, U-Net), from the configurations of the U-Net and of the text encoders."""
    repaint: Repaint = no_repaint
    autoencoder: Callable[[], Any] = plain_autoencoder  # the class
    unet_name: Callable[[str], str] = str  # a module path of diffusers as kohya writes it
    hidden_states: bool = False  # whether the text encoders are asked for every layer's states
    noise_levels: int | None = None  # timesteps are drawn below this; None: as the scheduler has
    pipeline: str = ""  # diffusers' class that opens single files; "": there are none of it
    pipeline_options: Mapping[str, Any] = field(default_factory=dict)
    fits: Mapping[str, Fit] = field(default_factory=dict)  # folder -> its configuration at a file's own widths
    train: OwnTraining | None = None  # None: the common one of `kohya_train.loop`


def with_pipeline(name: str, **options: Any) -> Repaint:
    """Repaints with diffusers' inpainting pipeline of that name."""

    def repaint(bundle: BaseNetworks, plan: ValidationPlan, work: Picture, seed: int) -> Image.Image:
        import diffusers
        import torch

        text = zip(bundle.spec.text_encoders, bundle.text_encoders, bundle.tokenizers, strict=True)
        parts: dict[str, Any] = {"vae": bundle.vae, "unet": bundle.unet, **options}
        for part, encoder, tokenizer in text:
            parts |= {part.folder: encoder, part.tokenizer: tokenizer}
        parts["scheduler"] = diffusers.DPMSolverMultistepScheduler.from_config(bundle.scheduler.config)
        pipe = getattr(diffusers, name)(**parts)
        pipe.set_progress_bar_config(disable=True)
        with without_autocast(bundle.vae):
            painted: Image.Image = pipe(
                prompt=plan.prompt,
                negative_prompt=plan.negative_prompt,
                image=work.picture,
                mask_image=work.mask,
                width=work.picture.width,
                height=work.picture.height,
                strength=plan.strength,
                num_inference_steps=plan.steps,
                guidance_scale=plan.cfg_scale,
                generator=torch.Generator("cpu").manual_seed(seed),
            ).images[0]
        return painted

    return repaint


@contextmanager
def without_autocast(vae: Any) -> Iterator[None]:
    """The autoencoder computes in its own fp32 inside: SDXL's overflows in fp16 and decodes to black."""
    import torch

    def in_full(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(values: torch.Tensor, *more: Any, **options: Any) -> Any:
            kind = values.device.type
            with torch.autocast(kind, enabled=False) if kind in ("cpu", "cuda") else nullcontext():
                return method(values.to(vae.dtype), *more, **options)

        return call

    if "force_upcast" in vae.config:  # it is fp32 already; pipelines that upcast it bring it back to half afterwards
        vae.register_to_config(force_upcast=False)
    vae.encode, vae.decode = in_full(vae.encode), in_full(vae.decode)
    try:
        yield
    finally:
        del vae.encode, vae.decode
