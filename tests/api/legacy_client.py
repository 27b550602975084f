"""A client of the original's routes, with the forms its own scripts send."""

from __future__ import annotations

import json
from typing import Any

from api_world import World

TRAIN_FORM: dict[str, Any] = {
    "sd_model_checkpoint": "built-in",
    "id_task": "",
    "user_id": "tmp",
    "train_mode_choose": "Train Human Lora",
    "resolution": 512,
    "val_and_checkpointing_steps": 100,
    "max_train_steps": 800,
    "steps_per_photos": 200,
    "train_batch_size": 1,
    "gradient_accumulation_steps": 4,
    "dataloader_num_workers": 16,
    "learning_rate": 1e-4,
    "rank": 128,
    "network_alpha": 64,
    "instance_images": [],
    "validation": True,
    "enable_rl": False,
    "max_rl_time": 1,
    "timestep_fraction": 1,
    "skin_retouching_bool": False,
    "training_prefix_prompt": "",
    "crop_ratio": 3,
    "args": "",
}


INFER_FORM: dict[str, Any] = {
    "user_ids": ["Ann"],
    "sd_model_checkpoint": "built-in",
    "selected_template_images": [],
    "init_image": "",
    "uploaded_template_images": [],
    "tabs": 1,
    "text_to_image_input_prompt": "",
    "text_to_image_width": 624,
    "text_to_image_height": 832,
    "t2i_control_way": "Control with inner template",
    "t2i_pose_template": None,
    "scene_id": "none",
    "prompt_generate_sd_model_checkpoint": "LZ-16K+Optics.safetensors",
    "additional_prompt": "",
    "additional_neg_prompt": "",
    "lora_weights": 0.9,
    "first_diffusion_steps": 50,
    "first_denoising_strength": 0.45,
    "second_diffusion_steps": 20,
    "second_denoising_strength": 0.35,
    "seed": -1,
    "batch_size": 1,
    "crop_face_preprocess": True,
    "before_face_fusion_ratio": 0.5,
    "after_face_fusion_ratio": 0.5,
    "apply_face_fusion_before": True,
    "apply_face_fusion_after": True,
    "color_shift_middle": True,
    "color_shift_last": True,
    "super_resolution": True,
    "super_resolution_method": "gpen",
    "super_resolution_ratio": 0.5,
    "skin_retouching_bool": False,
    "display_score": False,
    "background_restore": False,
    "background_restore_denoising_strength": 0.35,
    "makeup_transfer": False,
    "makeup_transfer_ratio": 0.5,
    "face_shape_match": False,
    "id_control": False,
    "ipa_weight": 0.5,
    "ref_mode_choose": "Infer with User Lora",
    "ipa_only_weight": 0.6,
    "lcm_accelerate": False,
    "enable_second_diffusion": True,
}


class OldClient:
    """Speaks as the original's own test clients do: a JSON text, and no word on its type."""

    def __init__(self, w: World) -> None:
        self._client = w.client

    def _call(self, route: str, form: dict[str, Any]) -> dict[str, Any]:
        answer = self._client.post(f"/easyphoto/{route}", content=json.dumps(form))
        assert answer.status_code == 200
        return answer.json()

    def train(self, **changes: Any) -> dict[str, Any]:
        return self._call("easyphoto_train_forward", {**TRAIN_FORM, **changes})

    def infer(self, **changes: Any) -> dict[str, Any]:
        return self._call("easyphoto_infer_forward", {**INFER_FORM, **changes})

    def infer_with(self, **form: Any) -> dict[str, Any]:
        return self._call("easyphoto_infer_forward", form)
