"""Transition: Chinese of sentences whose code is not in the catalogue (easyphoto/locales) yet."""

from __future__ import annotations

WORDS: dict[str, str] = {
    "looks like the same person": "看起来是同一个人",
    "resembles the person": "与本人相像",
    "a faint likeness": "略有相似",
    "looks like someone else": "看起来像别人",
}

REASONS: tuple[tuple[str, str], ...] = (
    (r"starting the trainer", r"正在启动训练器"),
    (r"loading the base model", r"正在加载底模"),
    (r"training on (\w+)", r"在 \1 上训练"),
    (r"(.+), face (\d+)", r"\1,面孔 \2"),
    (r"No face was found\.", r"没有找到面孔。"),
    (r"You left it out\.", r"你选择不用。"),
    (r"The face is only (\d+) pixels wide; (\d+) are needed\.", r"面部只有 \1 像素宽,至少需要 \2 像素。"),
    (r"The face is too blurred\.", r"面部太模糊。"),
    (r"The face is a little blurred\.", r"面部有些模糊。"),
    (r"The head is turned away by (\d+) degrees\.", r"头部偏转了 \1 度。"),
    (r"The head is turned by (\d+) degrees\.", r"头部偏转 \1 度。"),
    (r"The head is tilted (?:up|down) by (\d+) degrees\.", r"头部俯仰 \1 度。"),
    (r"The head looks (?:up|down) by (\d+) degrees\.", r"头部俯仰 \1 度。"),
    (r"The head leans by (\d+) degrees\.", r"头部倾斜 \1 度。"),
    (
        r"The face has only (\d+) pixels; under (\d+) portraits will look soft\.",
        r"面部只有 \1 像素;低于 \2 像素,写真会显得模糊。",
    ),
    (r"The face is very dark\.", r"面部太暗。"),
    (r"The face is overexposed\.", r"面部过曝。"),
    (r"The face is cut by the edge of the photo\.", r"面部被照片边缘截断。"),
    (r"The face is only just like the others\.", r"与其他照片只是勉强相像。"),
    (r"This is another person than in the other photos\.", r"与其他照片不是同一个人。"),
    (r"Training needs the consent of the person shown\.", r"训练需要照片中的人同意。"),
    (r"Confirm that they agreed that a model of their face is made\.", r"请确认他们同意制作面部模型。"),
    (r"A person named (.+) exists\.", r"已经有名为 \1 的人物。"),
    (r"Choose another name or remove them\.", r"请换一个名字,或先删除该人物。"),
    (
        r"Only (\d+) photos? can be used; (\d+) to 20 give a better likeness\.",
        r"只有 \1 张照片可用;\2 到 20 张会更像。",
    ),
    (
        r"No face was found in any trial picture, so the last checkpoint is used unjudged\.",
        r"试画中没有找到面孔,直接采用最后的检查点。",
    ),
    (r"There are no trial pictures, so the last checkpoint is used unjudged\.", r"没有试画,直接采用最后的检查点。"),
    (r"The WebUI is busy with another job\.", r"WebUI 正在处理别的任务。"),
    (r"waiting for another window that prepares the trainer", r"正在等待另一个窗口准备训练器"),
    (r"fetching (\S+) (\S+), needed once", r"正在获取 \1 \2,只需一次"),
    (r"trying out what was fetched", r"正在试用获取的软件包"),
    (
        r"The trainer's packages need (\d+) MB on this disk, (\d+) MB are free\.",
        r"训练器的软件包需要 \1 MB 磁盘空间,现在只剩 \2 MB。",
    ),
    (
        r"The trainer opens safetensors only; other formats can hide programs\.",
        r"训练器只打开 safetensors;其他格式可能藏有程序。",
    ),
    (
        r"This is an inpainting checkpoint; a face is learnt on the plain one it was made from\.",
        r"这是局部重绘(inpainting)模型;请用它的原始模型来学习面部。",
    ),
    (
        r"Choose the plain checkpoint for the training; portraits can use the inpainting one\.",
        r"训练请选原始模型;写真可以使用 inpainting 模型。",
    ),
)
