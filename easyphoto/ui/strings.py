"""Transition: Chinese of sentences whose code is not in the catalogue (easyphoto/locales) yet."""

from __future__ import annotations

WORDS: dict[str, str] = {
    "looks like the same person": "看起来是同一个人",
    "resembles the person": "与本人相像",
    "a faint likeness": "略有相似",
    "looks like someone else": "看起来像别人",
}

REASONS: tuple[tuple[str, str], ...] = (
    # sentences that come from below the doors, as patterns, with their Chinese
    (r"starting the trainer", "正在启动训练器"),
    (r"loading the base model", "正在加载底模"),
    (r"training on (\w+)", r"在 \1 上训练"),
    (r"(.+), face (\d+)", r"\1,面孔 \2"),
    (r"No face was found\.", "没有找到面孔。"),
    (r"You left it out\.", "你选择不用。"),
    (r"The face is only (\d+) pixels wide; (\d+) are needed\.", r"面部只有 \1 像素宽,至少需要 \2 像素。"),
    (r"The face is too blurred\.", "面部太模糊。"),
    (r"The face is a little blurred\.", "面部有些模糊。"),
    (r"The head is turned away by (\d+) degrees\.", r"头部偏转了 \1 度。"),
    (r"The head is turned by (\d+) degrees\.", r"头部偏转 \1 度。"),
    (r"The head is tilted (?:up|down) by (\d+) degrees\.", r"头部俯仰 \1 度。"),
    (r"The head looks (?:up|down) by (\d+) degrees\.", r"头部俯仰 \1 度。"),
    (r"The head leans by (\d+) degrees\.", r"头部倾斜 \1 度。"),
    (r"The face is small \((\d+) pixels\)\.", r"面部偏小(\1 像素)。"),
    (r"The face is very dark\.", "面部太暗。"),
    (r"The face is overexposed\.", "面部过曝。"),
    (r"The face is cut by the edge of the photo\.", "面部被照片边缘截断。"),
    (r"The face is only just like the others\.", "与其他照片只是勉强相像。"),
    (r"This is another person than in the other photos\.", "与其他照片不是同一个人。"),
    (r"This is the same picture as (.+)\.", r"与 \1 是同一张照片。"),
    (r"This is nearly the same picture as (.+)\.", r"与 \1 几乎是同一张照片。"),
    (r"The file is cut off or damaged .*", "文件不完整或已损坏。"),
    (r"Copy or export it again\.", "请重新复制或导出。"),
    (r"The picture has far too many pixels\.", "图片像素过多。"),
    (r"Save it smaller\.", "请缩小后再保存。"),
    (r"No face was found in the template\.", "模板中没有找到面孔。"),
    (
        r"Use a picture with a face of at least 40 pixels that is not in profile\.",
        "请使用面部至少 40 像素、不是侧脸的图片。",
    ),
    (r"Training needs the consent of the person shown\.", "训练需要照片中的人同意。"),
    (r"Confirm that they agreed that a model of their face is made\.", "请确认他们同意制作面部模型。"),
    (r"A person named (.+) exists\.", r"已经有名为 \1 的人物。"),
    (r"Choose another name or remove them\.", "请换一个名字,或先删除该人物。"),
    (r"No (\w+) ControlNet for (\w+): that hint was left out\.", r"\2 没有 \1 ControlNet,该引导已省略。"),
    (
        r"Only (\d+) photos? can be used; (\d+) to 20 give a better likeness\.",
        r"只有 \1 张照片可用;\2 到 20 张会更像。",
    ),
    (
        r"No face was found in any trial picture, so the last checkpoint is used unjudged\.",
        "试画中没有找到面孔,直接采用最后的检查点。",
    ),
    (r"There are no trial pictures, so the last checkpoint is used unjudged\.", "没有试画,直接采用最后的检查点。"),
    (
        r"Add a photo that looks the same way, or use a template that faces the camera\.",
        "请添加朝向相同的照片,或使用正面的模板。",
    ),
    (
        r"The nearest photo of the person is turned (\d+) degrees away from the template's face\.",
        r"最接近的照片与模板的面部朝向相差 \1 度。",
    ),
    (
        r"No photo of the person can be turned into the template's pose\. The nearest is (\d+) degrees away\.",
        r"没有照片能转到模板的朝向,最接近的也相差 \1 度。",
    ),
    (
        r"The teeth are the template's, as the person does not laugh in the photo that fits best; add one that does\.",
        "牙齿取自模板,因为最合适的照片中本人没有笑;请添加一张露齿笑的照片。",
    ),
    (
        r"The person laughs in the photo that fits best, the template does not; add a photo with a closed mouth\.",
        "最合适的照片中本人在笑,而模板没有;请添加一张闭嘴的照片。",
    ),
    (
        r"No photo of the person has the template's expression; the nearest one was taken\.",
        "没有照片与模板的表情一致,已采用最接近的一张。",
    ),
    (
        r"The person's eyes are nearly closed in the photo that fits best; add one with open eyes\.",
        "最合适的照片中眼睛几乎闭着;请添加一张睁眼的照片。",
    ),
    (r"A person '(.+)' exists\.", r"已经有名为 \1 的人物。"),
    (r"Choose another name, or remove that person first\.", "请换一个名字,或先删除该人物。"),
    (r"A person needs a name\.", "人物需要名字。"),
    (r"Use a jpg, png or webp\.", "请使用 jpg、png 或 webp。"),
    (r"Train this person again\.", "请重新训练此人。"),
)
