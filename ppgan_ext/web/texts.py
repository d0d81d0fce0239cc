"""The texts of the page: one table, each in both languages. Those of options and errors have tables of their own."""

from __future__ import annotations

from collections.abc import Callable

from ppgan_ext.web.languages import Language, Text

Say = Callable[..., str]

TEXTS: dict[str, Text] = {
    # The page
    "title": Text("人脸编辑", "Face editing"),
    "subtitle": Text(
        "照片只在这台机器上处理，一小时内删除", "Photos are processed on this machine and deleted within an hour"
    ),
    "other_language": Text("English", "中文"),
    "tab_age": Text("容貌年龄", "Age"),
    "tab_fusion": Text("人脸融合", "Fusion"),
    "tab_edit": Text("属性编辑", "Edit"),
    "tab_mix": Text("风格混合", "Mix"),
    "tab_cartoon": Text("卡通画像", "Cartoon"),
    "tab_invert": Text("反演", "Invert"),
    "tab_generate": Text("生成", "Generate"),
    "tab_about": Text("关于", "About"),
    "options": Text("更多选项", "More options"),
    "stop": Text("停止", "Stop"),
    # Choosing a photo
    "photo": Text("照片", "Photo"),
    "choose_photo": Text("选择对象", "Choose a photo"),
    "choose_photo_1": Text("选择对象1", "Choose photo 1"),
    "choose_photo_2": Text("选择对象2", "Choose photo 2"),
    "drop_photo": Text("把照片拖到这里\n或点击选择", "Drop a photo here\nor click to choose"),
    "several_faces": Text(
        "照片中有 {count} 张脸：点击照片上的脸，或在这里选择",
        "{count} faces: click those to work on, or tick them here",
    ),
    "several_faces_one": Text(
        "照片中有 {count} 张脸：点击其中一张，或在这里选择", "{count} faces: click one of them, or choose it here"
    ),
    "finding_faces": Text("正在查找人脸", "Looking for faces"),
    "face_number": Text("第 {number} 张脸", "Face {number}"),
    # Many photos
    "many": Text("一次处理多张照片", "Many photos at once"),
    "many_how": Text(
        "最多 {most} 张，每张都按上面的选项处理，照片中的每张脸都处理；完成后一起下载。",
        "{most} at most; each is done with the options above, all faces in it, and all results come as one zip.",
    ),
    "many_photos": Text("多张照片", "Photos"),
    "drop_photos": Text("把照片拖到这里，或点击选择", "Drop photos here, or click to choose"),
    "start_many": Text("全部处理", "Start all"),
    "many_chosen": Text("已选 {count} 张照片", "{count} photos chosen"),
    "many_done": Text("{count} 张照片中完成了 {done} 张", "{done} of {count} photos are done"),
    "no_photos": Text("请先选择几张照片", "Please choose some photos first"),
    "too_many_photos": Text(
        "照片太多：最多 {most} 张，总共 {megapixels} 百万像素，更多请用命令行",
        "Too many photos: {most} at most, of {megapixels} megapixels together; use the command line for more",
    ),
    # Age
    "start_age": Text("开始生成", "Start"),
    "younger": Text("年轻 {years} 岁", "{years} years younger"),
    "older": Text("年长 {years} 岁", "{years} years older"),
    "younger_result": Text("年轻时", "Younger"),
    "older_result": Text("年长时", "Older"),
    "years_younger": Text("年轻多少岁", "Years younger"),
    "years_older": Text("年长多少岁", "Years older"),
    # Fusion
    "start_fusion": Text("开始融合", "Start"),
    "fusion_photo": Text("对象1：原照片", "Photo 1: kept"),
    "fusion_person": Text("对象2：换上的脸", "Photo 2: new face"),
    "fusion_result": Text("融合结果", "Result"),
    "fused": Text("人脸融合", "Fusion"),
    "consent": Text(
        "照片中的人同意这样使用，结果不会用来冒充或伤害任何人",
        "The people in the photos agree to this use, and the result will not be used to deceive or to harm anybody",
    ),
    "same_photo": Text("两张是同一张照片，请选择两个人的照片", "Both are the same photo; choose two people"),
    "consent_needed": Text("请先勾选：照片中的人同意这样使用", "Please tick first that the people in the photos agree"),
    "likeness": Text(
        "与对象2的距离 {person}，与对象1原来的脸的距离 {photo}（小于 0.6 算同一人）",
        "Distance to person 2: {person}, to the face in photo 1: {photo} (below 0.6 is one person)",
    ),
    # Edit
    "edit_how": Text(
        "选好照片后拖动滑块：松手即可看到结果", "Choose a photo, then move the sliders: the result appears on release"
    ),
    "age_elsewhere": Text("年龄请在“容貌年龄”页中改变", "To change the age, use the Age tab"),
    "no_slider": Text("这些编辑没有滑块，没有填入：{names}", "Nothing was filled in: there is no slider for {names}"),
    "edit_face": Text("人脸预览", "Face preview"),
    "edit_result": Text("编辑前 / 编辑后", "Before / after"),
    "keep": Text("保存到作品", "Keep this result"),
    "reset_sliders": Text("滑块归零", "Sliders to zero"),
    "nothing_to_edit": Text("请先移动至少一个滑块", "Please move at least one slider first"),
    "more_directions": Text("五官的形状", "Shapes of the features"),
    "side_effects": Text("也会改变：{effects}", "Also changes: {effects}"),
    "reach": Text("范围 ±{reach}{unit}", "Up to ±{reach}{unit}"),
    "no_directions": Text("这个模型没有可用的编辑方向", "This model has no directions to edit along"),
    # Mix
    "start_mix": Text("开始混合", "Start"),
    "mix_result": Text("混合结果", "Result"),
    "mix_of": Text("风格混合", "Mix"),
    "share_coarse": Text("姿态与脸型：来自对象1的比例", "Pose and shape: share of photo 1"),
    "share_middle": Text("五官与头发：来自对象1的比例", "Features and hair: share of photo 1"),
    "share_fine": Text("颜色与光线：来自对象1的比例", "Colour and light: share of photo 1"),
    "photo_1": Text("对象1", "Photo 1"),
    "photo_2": Text("对象2", "Photo 2"),
    # Cartoon
    "start_cartoon": Text("开始绘制", "Start"),
    "cartoon_result": Text("卡通画像", "Cartoon"),
    "cartoon_pasted": Text("放回照片", "In the photo"),
    # Invert
    "start_invert": Text("开始反演", "Start"),
    "invert_way": Text("方法", "Method"),
    "by_encoder": Text("编码器（快）", "Encoder (fast)"),
    "by_fit": Text("逐步优化（慢，更像）", "Optimisation (slower, closer)"),
    "invert_face": Text("对齐后的脸", "Aligned face"),
    "invert_result": Text("模型重建的脸", "As the model draws it"),
    "download_code": Text("下载隐编码 (.npy)", "Download the code (.npy)"),
    "inverted": Text("反演", "Inversion"),
    # Generate
    "start_generate": Text("开始生成", "Start"),
    "generate_how": Text("这些人并不存在。", "These people do not exist."),
    "samples": Text("样本", "Samples"),
    "mixing_coarse": Text("混合：姿态与脸型来自左列", "Mixtures: pose and shape from the left column"),
    "mixing_middle": Text("混合：五官也来自左列", "Mixtures: features from the left column too"),
    # Work
    "waiting": Text("排队中，前面还有 {before} 人", "Waiting, {before} before you"),
    "waiting_time": Text("排队中，前面还有 {before} 人，约 {seconds}", "Waiting, {before} before you, about {seconds}"),
    "time_left": Text("还需约 {seconds}", "about {seconds} left"),
    "seconds": Text("{count} 秒", "{count} s"),
    "minutes": Text("{count} 分钟", "{count} min"),
    "starting": Text("正在开始", "Starting"),
    "stopping": Text("正在停止", "Stopping"),
    "done": Text("完成，用时 {seconds}", "Done in {seconds}"),
    "stopped_with_result": Text("已停止，保留目前最好的结果", "Stopped; the best result so far is kept"),
    "stopped": Text("已停止，还没有结果", "Stopped; there is no result yet"),
    "line_full": Text(
        "现在使用的人太多，请过一会儿再试", "Too many visitors are waiting; please try again in a little while"
    ),
    "after_last_job": Text("等待您的上一个任务结束", "Waiting for your last job to end"),
    "still_busy": Text("您的上一个任务还没有结束", "Your last job has not ended yet"),
    "no_photo": Text("请先选择照片", "Please choose a photo first"),
    "no_photo_1": Text("请先选择对象1", "Please choose photo 1 first"),
    "no_photo_2": Text("请先选择对象2", "Please choose photo 2 first"),
    "above_page_limit": Text(
        "“{name}”在页面上最多为 {limit}，更大的值请用命令行",
        "'{name}' can be {limit} at most on this page; use the command line for more",
    ),
    "only_uploads": Text("只能使用上传的照片", "Only photos that were uploaded can be used"),
    "session_over": Text("照片已过期被删除，请重新选择", "The photo has been deleted by now; please choose it again"),
    # Results
    "results": Text("作品", "Results"),
    "compare": Text("对比：拖动中线", "Compare: drag the line"),
    "download": Text("下载这张", "Download this one"),
    "download_all": Text("全部打包", "Pack all"),
    "download_zip": Text("下载 zip", "Download zip"),
    "settings": Text("参数：重现结果，或读入以前的参数", "Settings: make a result again, or read earlier ones"),
    "command_line": Text("命令行", "Command line"),
    "settings_file": Text("YAML（保存后用 --config 读取）", "YAML (for --config)"),
    "read_settings": Text(
        "读入参数：YAML 文件，或本页生成的图片", "Read settings: a YAML file, or a picture from here"
    ),
    "settings_read": Text("参数已填入“{tab}”", "The settings are in '{tab}' now"),
    "no_settings": Text(
        "文件里没有参数，请选择 YAML 文件或本页生成的图片",
        "The file has no settings; choose a YAML file or a picture from this page",
    ),
    "mark": Text(
        "所有结果的元数据里都带有“AI 编辑”标记（IPTC）",
        "Every result is marked in its metadata as edited by AI (IPTC)",
    ),
    # About
    "about_licence": Text("许可", "Licences"),
    "about_limits": Text("不足与用途", "Limits and use"),
    "about_machine": Text("本机", "This machine"),
    "about_look": Text("查看本机信息", "Look at this machine"),
    "about_model": Text("模型", "Model"),
    "about_model_line": Text(
        "{name}：{size} 像素，{papers}。许可：{licence}", "{name}: {size} px, {papers}. Licence: {licence}"
    ),
    "about_licence_text": Text(
        "软件：Apache-2.0。人脸关键点由 dlib 的 68 点模型给出，它用 iBUG 300-W 训练，不可商用。",
        "Software: Apache-2.0. Landmarks come from dlib's 68-point model, trained on iBUG 300-W: no commercial use.",
    ),
    "about_limits_text": Text(
        "- 自带模型的图像是 128 像素，偏软；照片本身的细节（皮肤、头发）保留，只把变化加上去。\n"
        "- 年龄、性别等数值是统计估计，不能用来对任何人做决定。\n"
        "- 结果不能证明任何人现在、过去或将来的长相。\n"
        "- 禁止：欺骗，冒充，骚扰，用于未同意的人的照片，通过身份或年龄核验。\n"
        "- 手、话筒等遮住脸的东西会留在原处或变模糊；老人的重建最差。",
        "- The bundled model draws 128 pixels, softly; the photo's own detail (skin, hair) stays, and only the change "
        "is added.\n"
        "- Age, gender and the like are statistical estimates; they are no ground for any decision about anybody.\n"
        "- Results prove nothing about how anybody looks, looked or will look.\n"
        "- Forbidden: deception, impersonation, harassment, photos of people who did not agree, passing checks of "
        "identity or age.\n"
        "- Hands, microphones and the like in front of a face stay or get blurred; old faces come out worst.",
    ),
    "about_privacy": Text("隐私", "Privacy"),
    "about_privacy_text": Text(
        "照片不会离开这台机器。关闭页面时，照片和结果随之删除；开着的页面上，一小时后删除。",
        "Photos do not leave this machine. They and their results are deleted when the page is closed, and after an "
        "hour on a page that stays open.",
    ),
    "about_kept": Text("注意：本页的运营者另外保存所有结果。", "Note: whoever runs this page also keeps all results."),
    "login": Text("请登录", "Please log in"),
}


def speaker(language: Language) -> Say:
    """Return the function from a key and values to the text in a language.

    Example:
        >>> speaker("en")("younger", years=20)
        '20 years younger'
    """

    def say(key: str, **values: object) -> str:
        return TEXTS[key].of(language, **values)

    return say
