"""The built-in toolbox, a person, a template and their fusion."""

from dataclasses import replace

import pytest
from fusion_world import opened

from easyphoto.faces.base import FusionSource, FusionTarget
from easyphoto.faces.builtin.toolbox import BuiltinToolbox
from easyphoto.faces.fusion.fuse import fuse
from easyphoto.paths import Paths


@pytest.fixture(scope="session")
def faces(tmp_path_factory):
    return BuiltinToolbox(Paths(tmp_path_factory.mktemp("home")))


@pytest.fixture(scope="session")
def person(faces):
    pixels = opened("samples/astronaut.png")
    face = faces.detect(pixels)[0]
    return FusionSource(pixels, replace(face, embedding=faces.embed(pixels, face)))


@pytest.fixture(scope="session")
def template(faces):
    pixels = opened("templates/street.jpg")
    return FusionSource(pixels, faces.detect(pixels)[0])


@pytest.fixture(scope="session")
def fused(faces, template, person):
    return fuse(FusionTarget(template.picture, template.face), [person], faces)
