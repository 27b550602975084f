"""The node *Save portrait*: into ComfyUI's output folder, with the mark that the picture was made by AI."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from comfy_api.latest import io

from easyphoto.comfyui.failures import shown_by_host
from easyphoto.comfyui.tensors import pictures_of
from easyphoto.comfyui.texts import labels, titles
from easyphoto.images import save_picture


class SavePortrait(io.ComfyNode):
    """The file holds the settings, but not the workflow, in which the person's name stands."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Pictures and settings in, files out."""
        return io.Schema(
            node_id="EasyPhotoSavePortrait",
            **titles("save"),
            inputs=[
                io.Image.Input("images", **labels("images")),
                io.String.Input("filename_prefix", default="EasyPhoto", **labels("filename_prefix")),
                io.String.Input("settings", default="", optional=True, force_input=True, **labels("settings")),
            ],
            is_output_node=True,
        )

    @classmethod
    def execute(cls, images: Any, filename_prefix: str, settings: str = "") -> io.NodeOutput:
        """PNG files with XMP `trainedAlgorithmicMedia`."""
        import folder_paths

        with shown_by_host():
            pictures, saved = pictures_of(images), []
            folder, stem, counter, subfolder, _ = folder_paths.get_save_image_path(
                filename_prefix, folder_paths.get_output_directory(), *pictures[0].size
            )
            for number, picture in enumerate(pictures):
                name = f"{stem.replace('%batch_num%', str(number))}_{counter + number:05}_.png"
                save_picture(picture, Path(folder) / name, settings)
                saved.append({"filename": name, "subfolder": subfolder, "type": "output"})
        return io.NodeOutput(ui={"images": saved})
