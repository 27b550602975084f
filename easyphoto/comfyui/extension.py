"""What ComfyUI asks of a folder in its `custom_nodes`: a list of nodes."""

from __future__ import annotations

from comfy_api.latest import ComfyExtension, io

from easyphoto.comfyui.nodes.check_photos import CheckPhotos
from easyphoto.comfyui.nodes.load_person import LoadPerson
from easyphoto.comfyui.nodes.person_lora import PersonLora
from easyphoto.comfyui.nodes.put_person import PutPerson
from easyphoto.comfyui.nodes.save_portrait import SavePortrait
from easyphoto.comfyui.nodes.train_person import TrainPerson

NODES: list[type[io.ComfyNode]] = [CheckPhotos, TrainPerson, LoadPerson, PutPerson, PersonLora, SavePortrait]


class EasyPhotoExtension(ComfyExtension):
    """Adds no routes and no files to ComfyUI's page."""

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        """All of them."""
        return list(NODES)
