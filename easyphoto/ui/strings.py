"""Every sentence of the page, in English and Simplified Chinese: one catalogue.

The English words of a request's fields stand in `easyphoto.domain`; only their Chinese is here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from easyphoto.domain import Option

LANGUAGES = {"en": "English", "zh": "中文"}

TEXTS: dict[str, tuple[str, str]] = {
    # the page
    "tagline": ("A few selfies in, studio portraits of you out.", "几张自拍,换来影棚级写真。"),
    "tab.train": ("Train", "训练"),
    "tab.portrait": ("Portrait", "写真"),
    "tab.people": ("People", "人物"),
    "tab.doctor": ("Doctor", "体检"),
    "language": ("Language", "语言"),
    "private": ("Everything stays on this computer.", "所有数据都留在这台电脑上。"),
    "advanced": ("Advanced", "高级设置"),
    "close": ("Close", "关闭"),
    "mend": ("What to do", "怎么办"),
    # photos
    "photos.title": ("Photos", "照片"),
    "photos.intro": (
        "5 to 20 photos of one person: different angles and light, the face sharp, nothing in front of it.",
        "同一个人的 5 到 20 张照片:角度和光线要有变化,面部清晰、无遮挡。",
    ),
    "photos.drop": ("Drop photos here, or click to choose", "把照片拖到这里,或点击选择"),
    "photos.folder": ("Add a folder", "添加文件夹"),
    "photos.check": ("Check photos", "检查照片"),
    "photos.clear": ("Remove all", "全部移除"),
    "photos.empty": ("No photos yet", "还没有照片"),
    "photos.empty.next": (
        "Begin here: drop a few selfies into the field above. Nothing leaves this computer.",
        "从这里开始:把几张自拍拖进上面的区域。照片不会离开这台电脑。",
    ),
    "photos.count": ("{n} photos", "{n} 张照片"),
    "photos.count.one": ("1 photo", "1 张照片"),
    "photos.usable": ("{usable} of {n} usable", "{n} 张中有 {usable} 张可用"),
    "photos.unchecked": ("not checked yet", "尚未检查"),
    "photos.checking": ("Checking {done} of {n}", "正在检查第 {done} 张,共 {n} 张"),
    "photos.few": (
        "Fewer than 5 usable photos: it works, but more photos give a better likeness.",
        "可用照片少于 5 张:可以训练,但照片越多越像。",
    ),
    "photos.none": (
        "Not one photo is usable yet; the reasons stand below each.",
        "还没有可用的照片,原因写在每张照片下面。",
    ),
    "photo.keep": ("Good", "合格"),
    "photo.warn": ("Fair", "一般"),
    "photo.drop": ("Left out", "不采用"),
    "photo.new": ("New", "新"),
    "photo.broken": ("Unreadable", "无法读取"),
    "photo.use": ("Use", "采用"),
    "photo.leave": ("Skip", "不用"),
    "photo.auto": ("Auto", "自动"),
    "photo.remove": ("Remove {name}", "移除 {name}"),
    "photo.verdict.of": ("Your verdict on {name}", "你对 {name} 的选择"),
    "photo.overridden": ("your choice", "你的选择"),
    "photo.face": ("face {px} px", "面部 {px} 像素"),
    "photo.likeness": ("distance {gap}", "距离 {gap}"),
    # training
    "person.title": ("Person", "人物"),
    "person.name": ("Name", "名字"),
    "person.name.help": ("How you will find this person again; any script.", "以后用这个名字找到此人,任何文字都可以。"),
    "person.consent": (
        "The person in these photos knows and agrees that a model of their face is made.",
        "照片中的人知情并同意制作其面部模型。",
    ),
    "person.model": ("Base model", "底模"),
    "train.start": ("Start training", "开始训练"),
    "train.needs.photos": ("Add at least one photo that can be used.", "请至少添加一张可用的照片。"),
    "train.needs.name": ("Give the person a name.", "请填写人物的名字。"),
    "train.needs.other_name": ("A person of that name exists; choose another name.", "已有同名人物,请换一个名字。"),
    "train.needs.consent": ("Confirm that the person agrees.", "请确认照片中的人已同意。"),
    "train.cancel": ("Cancel", "取消"),
    "train.resume": ("Resume", "继续"),
    "train.dismiss": ("Put away", "收起"),
    "train.idle": ("No training yet", "还没有训练"),
    "train.idle.next": (
        "Add photos, give a name, and start. Progress, trial pictures and the scores will appear here.",
        "添加照片、填写名字,然后开始。进度、试画和评分会显示在这里。",
    ),
    "train.curve.loss": ("Loss", "损失"),
    "train.curve.likeness": ("Likeness (distance, lower is nearer)", "相似度(距离,越低越像)"),
    "train.curve.step": ("step", "步"),
    "train.curve.wait": ("The curves begin with the first training step.", "训练第一步开始后显示曲线。"),
    "train.trials": ("Newest trial pictures", "最新试画"),
    "train.log": ("Download log", "下载日志"),
    "train.done": ("{name} is ready", "{name} 已就绪"),
    "train.done.next": ("Make a portrait", "去做写真"),
    "train.scores": ("Checkpoints", "检查点"),
    "train.scores.step": ("Step", "步数"),
    "train.scores.likeness": ("Distance", "距离"),
    "train.scores.share": ("Share of the vote", "投票占比"),
    "train.reference": ("Reference photo", "参考照片"),
    "train.face_id": ("Face id picture", "面部标识图"),
    "train.low": ("The likeness is low", "相似度偏低"),
    "train.low.next": (
        "Add sharper photos with the face at least 200 px wide, from more angles, without sunglasses, "
        "and leave out photos that show other people; then train again with more steps.",
        "请添加更清晰的照片(面部至少 200 像素宽)、更多角度、不戴墨镜,去掉有其他人的照片,然后增加步数重新训练。",
    ),
    "train.embedded": ("The trial pictures show little of the person", "试画与本人不太像"),
    "train.embedded.next": (
        "That is usual for the small embedded model: in portraits the likeness comes from fusing the photos in. "
        "With an SD 1.5 checkpoint as base model the LoRA carries it as well.",
        "内置小模型通常如此:写真中的相似度来自照片融合。若用 SD 1.5 作底模,LoRA 本身也能保持相似。",
    ),
    "train.seconds": ("Time per stage", "各阶段用时"),
    # jobs
    "job.queued": ("Waiting for its turn", "排队中"),
    "job.running": ("Running", "进行中"),
    "job.done": ("Finished", "已完成"),
    "job.failed": ("Failed", "失败"),
    "job.cancelled": ("Cancelled", "已取消"),
    "job.interrupted": ("Interrupted", "已中断"),
    "job.interrupted.next": (
        "The program ended while this was running. Resume goes on from the last checkpoint.",
        "运行中程序被关闭。点击“继续”将从最近的检查点接着进行。",
    ),
    "job.left": ("about {time} left", "大约还需 {time}"),
    "job.left.unknown": ("estimating the time", "正在估算时间"),
    "job.elapsed": ("{time} so far", "已用 {time}"),
    "job.took": ("took {time}", "用时 {time}"),
    "job.progress": ("Progress", "进度"),
    "job.cancelling": ("Stopping …", "正在停止……"),
    "time.s": ("{s} s", "{s} 秒"),
    "time.m": ("{m} min {s} s", "{m} 分 {s} 秒"),
    "time.h": ("{h} h {m} min", "{h} 小时 {m} 分"),
    # portrait
    "templates.title": ("Templates", "模板"),
    "templates.intro": ("Choose one or more pictures to appear in.", "选择一张或多张你想出现的图片。"),
    "templates.drop": ("Add your own: jpg, png or webp", "添加自己的模板:jpg、png 或 webp"),
    "templates.empty": ("No templates yet", "还没有模板"),
    "templates.empty.next": ("Add a picture with a clear face to start with.", "先添加一张面部清晰的图片。"),
    "templates.remove": ("Remove {name}", "移除 {name}"),
    "templates.chosen": ("{n} chosen", "已选 {n} 个"),
    "templates.yours": ("yours", "自己的"),
    "faces.title": ("Who is who", "谁是谁"),
    "faces.intro": ("Give every numbered face a person, or keep it as it is.", "为每张编号的面孔选择人物,或保持原样。"),
    "faces.none": ("No face was found in this template. Choose another one.", "这张模板里没有找到面孔,请换一张。"),
    "faces.pick": ("Choose a template to see its faces.", "选择模板后会显示其中的面孔。"),
    "faces.keep": ("Keep as it is", "保持原样"),
    "faces.face": ("Face {n}", "面孔 {n}"),
    "faces.nobody": ("Nobody is trained yet", "还没有训练过的人物"),
    "faces.nobody.next": (
        "Train a person first; then they can be chosen here.",
        "请先训练一个人物,然后就能在这里选择。",
    ),
    "prompt.title": ("Words", "提示词"),
    "prompt.preset": ("Preset", "预设"),
    "preset.neutral": ("Neutral", "自然"),
    "preset.studio": ("Studio", "影棚"),
    "preset.daylight": ("Daylight", "日光"),
    "preset.film": ("Film", "胶片"),
    "portrait.go": ("Generate", "生成"),
    "portrait.results": ("Portraits", "写真"),
    "portrait.results.empty": ("Your portraits appear here", "写真会显示在这里"),
    "portrait.results.empty.next": (
        "Choose a template, say who is who, and press Generate.",
        "选择模板,指定人物,然后点击“生成”。",
    ),
    "portrait.before": ("Before", "之前"),
    "portrait.after": ("After", "之后"),
    "portrait.slider": ("Compare before and after", "比较前后"),
    "portrait.download": ("Download", "下载"),
    "portrait.download.help": ("PNG with its settings and the AI-made mark inside", "PNG,内含设置与 AI 生成标记"),
    "portrait.again": ("Same again, another seed", "换个种子再来"),
    "portrait.older": ("Show older ones", "显示更早的"),
    "portrait.seed": ("Seed", "种子"),
    "portrait.settings": ("Settings", "设置"),
    "portrait.notes": ("Notes", "备注"),
    "portrait.likeness": ("Likeness", "相似度"),
    "portrait.failed": ("Not made", "未完成"),
    "portrait.choose": ("Choose at least one template.", "请至少选择一个模板。"),
    "portrait.who": ("Give at least one face a person.", "请至少为一张面孔选择人物。"),
    # people
    "people.empty": ("Nobody here yet", "这里还没有人"),
    "people.empty.next": (
        "Go to Train, add a few selfies, and the person appears here. Or import someone below.",
        "前往“训练”,添加几张自拍,人物就会出现在这里。也可以在下方导入。",
    ),
    "people.count": ("{n} people", "{n} 个人物"),
    "people.count.one": ("1 person", "1 个人物"),
    "people.photos": ("{n} photos", "{n} 张照片"),
    "people.photos.one": ("1 photo", "1 张照片"),
    "people.likeness": ("Likeness", "相似度"),
    "people.size": ("Size", "大小"),
    "people.date": ("Made", "创建于"),
    "people.rename": ("Rename", "重命名"),
    "people.rename.to": ("New name of {name}", "{name} 的新名字"),
    "people.export": ("Export", "导出"),
    "people.export.ready": ("Ready to download", "可以下载了"),
    "people.import": ("Import a person (zip)", "导入人物(zip)"),
    "people.delete": ("Delete", "删除"),
    "people.delete.sure": (
        "This deletes every file of {name} for good. Type the name to do it.",
        "这会永久删除 {name} 的所有文件。请输入名字以确认。",
    ),
    "people.delete.go": ("Delete for good", "永久删除"),
    "people.delete.mismatch": ("The typed name does not match.", "输入的名字不一致。"),
    "people.deleted": ("{name} is deleted: {files} files, {size}.", "已删除 {name}:{files} 个文件,{size}。"),
    "people.imported": ("{name} is here now.", "{name} 已导入。"),
    "people.renamed": ("Now called {name}.", "已改名为 {name}。"),
    "people.report": ("Training report", "训练报告"),
    "people.report.none": ("No report was kept.", "没有保存报告。"),
    "people.save": ("Save", "保存"),
    "people.portrait": ("Portrait", "做写真"),
    # doctor
    "doctor.title": ("How this installation is doing", "安装状况"),
    "doctor.intro": (
        "What is installed, what is missing and how to get it. The report holds no personal data.",
        "已安装什么、缺少什么、如何获取。报告不含个人数据。",
    ),
    "doctor.run": ("Examine", "开始检查"),
    "doctor.copy": ("Copy the report", "复制报告"),
    "doctor.copied": ("Copied", "已复制"),
    "doctor.missing": ("The doctor is not at home in this version.", "此版本没有体检功能。"),
    # failures
    "problem": ("That did not work", "没有成功"),
    "problem.unexpected": ("Something unexpected happened: {what}", "发生了意外:{what}"),
    "problem.unexpected.mend": ("Please report this with the Doctor's report.", "请附上体检报告反馈此问题。"),
}

STAGES: dict[str, tuple[str, str]] = {
    "photos": ("Preparing the photos", "准备照片"),
    "check photos": ("Checking the photos", "检查照片"),
    "prepare photos": ("Preparing the photos", "准备照片"),
    "crop": ("Cropping the faces", "裁剪面部"),
    "prepare": ("Preparing the photos", "准备照片"),
    "models": ("Loading the models", "加载模型"),
    "load": ("Loading the models", "加载模型"),
    "cache": ("Reading the photos into the model", "预编码照片"),
    "latents": ("Reading the photos into the model", "预编码照片"),
    "training": ("Learning the face", "学习面部"),
    "train": ("Learning the face", "学习面部"),
    "validation": ("Making trial pictures", "绘制试画"),
    "validate": ("Making trial pictures", "绘制试画"),
    "trial pictures": ("Making trial pictures", "绘制试画"),
    "choosing": ("Choosing the best checkpoints", "挑选最佳检查点"),
    "select": ("Choosing the best checkpoints", "挑选最佳检查点"),
    "portrait": ("Making the portrait", "绘制写真"),
    "detect": ("Finding the faces", "寻找面孔"),
    "fusion": ("Moving the face in", "融合面部"),
    "first pass": ("First pass: the face", "第一遍:面部"),
    "colour": ("Matching the colours", "匹配颜色"),
    "second fusion": ("Moving the face in once more", "再次融合面部"),
    "second pass": ("Second pass: the ring round the face", "第二遍:面部边缘"),
    "retouch": ("Retouching the skin", "修饰皮肤"),
    "enhance": ("Enhancing detail", "增强细节"),
    "score": ("Measuring the likeness", "测量相似度"),
    "render": ("Painting", "绘制"),
}

WORDS: dict[str, str] = {
    "looks like the same person": "看起来是同一个人",
    "resembles the person": "与本人相像",
    "a faint likeness": "略有相似",
    "looks like someone else": "看起来像别人",
}

FIELDS: dict[str, tuple[str, str]] = {
    # label and help of the requests' fields, in Chinese; the key is the English label
    "Name": ("名字", "人物的名字,任何文字,最多 80 个字符。"),
    "Consent": ("同意", "照片中的人已同意制作其面部模型。"),
    "Base model": ("底模", "内置模型,或一个 SD 模型。"),
    "Resolution": ("分辨率", "训练图片的边长(像素)。"),
    "Validate and save every": ("验证与保存间隔", "两个检查点之间的步数。"),
    "Max steps": ("最大步数", "优化步数上限。"),
    "Steps per photo": ("每张照片步数", "步数 = 照片数 × 此值,不超过最大步数。"),
    "Batch size": ("批大小", "每次前向的图片数。"),
    "Gradient accumulation": ("梯度累积", "每步的前向次数。"),
    "Data workers": ("数据进程数", "加载图片的进程数;潜变量有缓存,所以为 0。"),
    "Learning rate": ("学习率", "U-Net 的学习率。"),
    "Text encoder learning rate": ("文本编码器学习率", "0 表示不训练文本编码器。"),
    "Rank": ("秩", "LoRA 矩阵的秩。"),
    "Alpha": ("Alpha", "LoRA 缩放 = alpha / 秩;不超过秩。"),
    "Validation": ("验证", "绘制试画,由相似度挑选检查点。"),
    "Retouch skin": ("皮肤修饰", "平滑瑕疵,绝不美白。"),
    "Min-SNR gamma": ("Min-SNR gamma", "0 = 关闭;常用 5。"),
    "Noise offset": ("噪声偏移", "0 = 关闭。"),
    "Gradient checkpointing": ("梯度检查点", "更慢,占用内存更少。"),
    "Precision": ("精度", "auto:GPU 上用 bf16 或 fp16,其他用 fp32。"),
    "Merge": ("合并方式", "rank:SVD 压回原秩;exact:拼接,文件更大。"),
    "Keep checkpoints": ("保留检查点", "合并后不删除单个检查点。"),
    "Seed": ("种子", "同一台电脑上相同种子得到相同结果;-1 表示随机。"),
    "Prompt": ("提示词", "原样使用,接在人物 LoRA 的触发词之后。"),
    "Negative prompt": ("反向提示词", "原样使用,不添加任何内容。"),
    "LoRA weight": ("LoRA 权重", "人物 LoRA 的作用强度。"),
    "Crop face": ("裁剪面部", "在三倍面宽的裁剪区内工作,而不是整张图。"),
    "Fuse before": ("先融合", "第一遍之前把人物面部移入。"),
    "Ratio before": ("先融合比例", "0 = 模板,1 = 融合结果。"),
    "First pass steps": ("第一遍步数", "乘以强度之前的采样步数。"),
    "First pass strength": ("第一遍强度", "0 保持面部不变。"),
    "Match colour first": ("先匹配颜色", "第一遍之后匹配模板肤色。"),
    "Fuse after": ("再融合", "两遍之间再次移入人物面部。"),
    "Ratio after": ("再融合比例", "0 = 第一遍结果,1 = 融合结果。"),
    "Second pass": ("第二遍", "重绘面部边缘一圈。"),
    "Second pass steps": ("第二遍步数", "乘以强度之前的采样步数。"),
    "Second pass strength": ("第二遍强度", "0 保持边缘不变。"),
    "Match colour last": ("最后匹配颜色", "最后匹配模板肤色。"),
    "Retouch ratio": ("修饰比例", "0 = 不修饰,1 = 完全。"),
    "Enhance detail": ("增强细节", "用增强器锐化面部区域。"),
    "Detail ratio": ("细节比例", "0 = 不增强,1 = 完全。"),
    "Guidance": ("引导强度", "无分类器引导系数。"),
    "Best of": ("多选一", "生成这么多张,保留最像本人的一张。"),
}


REASONS: tuple[tuple[str, str], ...] = (
    # sentences that come from below the doors, as patterns, with their Chinese
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
)


@dataclass(frozen=True)
class Speech:
    """Speaks one language."""

    language: str = "en"

    @property
    def _column(self) -> int:
        return 1 if self.language == "zh" else 0

    def __call__(self, key: str, **values: Any) -> str:
        """The sentence of that key with `values` filled in. Raises KeyError for an unknown key."""
        return TEXTS[key][self._column].format(**values)

    def count(self, key: str, n: int) -> str:
        """The same for a number, with a singular of its own."""
        return self(f"{key}.one") if n == 1 else self(key, n=n)

    def stage(self, stage: str) -> str:
        """A stage of the work in words; an unknown one as it stands."""
        return STAGES[stage][self._column] if stage in STAGES else stage.capitalize()

    def word(self, word: str) -> str:
        """What a likeness means."""
        return WORDS.get(word, word) if self._column else word

    def reason(self, sentence: str) -> str:
        """A sentence from below the doors; one that is not in the catalogue as it stands."""
        if self._column == 0:
            return sentence
        for pattern, chinese in REASONS:
            if found := re.fullmatch(pattern, sentence):
                return found.expand(chinese)
        return sentence

    def label(self, option: Option) -> str:
        """Of a field."""
        return FIELDS[option.label][0] if self._column else option.label

    def help(self, option: Option) -> str:
        """Of a field."""
        return FIELDS[option.label][1] if self._column else option.help

    def duration(self, seconds: float) -> str:
        """Rounded, in words."""
        whole = max(0, round(seconds))
        if whole < 60:
            return self("time.s", s=whole)
        if whole < 3600:
            return self("time.m", m=whole // 60, s=whole % 60)
        return self("time.h", h=whole // 3600, m=whole % 3600 // 60)


def language_of(accept: str, cookie: str = "") -> str:
    """The language for an Accept-Language header, unless the user has chosen one."""
    if cookie in LANGUAGES:
        return cookie
    for part in accept.lower().split(","):
        tag = part.split(";")[0].strip().split("-")[0]
        if tag in LANGUAGES:
            return tag
    return "en"
