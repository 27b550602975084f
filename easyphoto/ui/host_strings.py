"""What is said inside a WebUI only, in Chinese: by its engine, its ControlNet, and the trainer's own packages."""

from __future__ import annotations

_CONSOLE = "请在 WebUI 的控制台里查看原因。"

REASONS: tuple[tuple[str, str], ...] = (
    (r"The WebUI is busy with another job\.", "WebUI 正在处理别的任务。"),
    (r"waiting for another window that prepares the trainer", "正在等待另一个窗口准备训练器"),
    (r"fetching (\S+) (\S+), needed once", r"正在获取 \1 \2,只需一次"),
    (r"trying out what was fetched", "正在试用获取的软件包"),
    (r"ControlNet is not installed in this WebUI\.", "此 WebUI 没有安装 ControlNet。"),
    (r"Install it from (\S+) and restart the WebUI\.", r"请从 \1 安装并重启 WebUI。"),
    (r"ControlNet is switched off\.", "ControlNet 已停用。"),
    (r"Enable it on the WebUI's Extensions page and restart the WebUI\.", "请在 WebUI 的扩展页启用它并重启。"),
    (r"ControlNet is installed, but it failed to load\.", "ControlNet 已安装,但加载失败。"),
    (
        r"The reason stands in the WebUI's console, where it starts; update or reinstall the extension\.",
        "原因写在 WebUI 启动时的控制台里;请更新或重装该扩展。",
    ),
    (r"Made without ControlNet: .*", "没有使用 ControlNet。"),
    (
        r"There is no (\w+) ControlNet for (\w+), and this portrait insists on one\.",
        r"\2 没有 \1 ControlNet,而此写真要求使用它。",
    ),
    (
        r"Put (\S+) from (\S+) on the Hugging Face hub \(licence: (.+)\) into (.+), "
        r"or switch “Insist on ControlNet” off\.",
        r"请把 Hugging Face 上 \2 的 \1(许可:\3)放进 \4,或关闭“必须使用 ControlNet”。",
    ),
    (r"Switch “Insist on ControlNet” off\.", "请关闭“必须使用 ControlNet”。"),
    (r"ControlNet failed, so there is no portrait: (.*)", r"ControlNet 出错,因此没有写真:\1"),
    (
        r"Look for the reason in the WebUI's console, or take the model out of its folder\.",
        "请在 WebUI 的控制台里查看原因,或把该模型移出文件夹。",
    ),
    (r"The WebUI gave no picture\.", "WebUI 没有返回图片。"),
    (r"The WebUI could not make the picture: (.*)", r"WebUI 无法生成图片:\1"),
    (r"Look for the reason in the WebUI's console\.", _CONSOLE),
    (r"There is not enough memory for this picture\.", "显存或内存不足以生成此图片。"),
    (r"The model gave no numbers\.", "模型输出无效数值。"),
    (r"The model gave a black picture\.", "模型输出了全黑图片。"),
    (
        r"The WebUI has no SD 1\.5 or SDXL checkpoint named (.+); it has (.+)\.",
        r"WebUI 中没有名为 \1 的 SD 1.5 或 SDXL 模型;现有:\2。",
    ),
    (
        r"Choose another base model, or put its \.safetensors file into (.+) and refresh the list\.",
        r"请换一个底模,或把它的 .safetensors 文件放进 \1 并刷新列表。",
    ),
    (r"The WebUI has no VAE named (.+); it has (.+)\.", r"WebUI 中没有名为 \1 的 VAE;现有:\2。"),
    (r"The WebUI did not load the checkpoint that was asked for\.", "WebUI 没有加载所要求的模型。"),
    (r"The WebUI does not list the LoRA that was put into its folder\.", "WebUI 没有找到放进其文件夹的 LoRA。"),
    (
        r"The WebUI's built-in Lora extension is not loaded, and the portrait needs the person's LoRA\.",
        "WebUI 自带的 Lora 扩展没有加载,而写真需要此人的 LoRA。",
    ),
    (r"Enable Lora on the WebUI's Extensions page and restart it\.", "请在 WebUI 的扩展页启用 Lora 并重启。"),
    (
        r"Only (\d+) of the LoRA's (\d+) modules found their place in this checkpoint\.",
        r"LoRA 的 \2 个模块中只有 \1 个适合此模型。",
    ),
    (r"The LoRA has layers of other sizes than this checkpoint\.", "LoRA 的层大小与此模型不符。"),
    (
        r"Choose a base model of the family the person was trained on\.",
        "请选择与训练此人时同一系列的底模。",
    ),
    (
        r"The trainer's packages need (\d+) MB on this disk, (\d+) MB are free\.",
        r"训练器的软件包需要 \1 MB 磁盘空间,现在只剩 \2 MB。",
    ),
    (
        r"The trainer opens safetensors only; other formats can hide programs\.",
        "训练器只打开 safetensors;其他格式可能藏有程序。",
    ),
    (
        r"This is an inpainting checkpoint; a face is learnt on the plain one it was made from\.",
        "这是局部重绘(inpainting)模型;请用它的原始模型来学习面部。",
    ),
    (
        r"Choose the plain checkpoint for the training; portraits can use the inpainting one\.",
        "训练请选原始模型;写真可以使用 inpainting 模型。",
    ),
)
