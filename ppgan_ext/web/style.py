"""How the page looks: a calm theme of system fonts, and the little CSS that Gradio's theme cannot say."""

from __future__ import annotations

import gradio as gr

from ppgan_ext.web.languages import LANGUAGES
from ppgan_ext.web.texts import TEXTS

_FONTS = (
    "-apple-system", "BlinkMacSystemFont", "Segoe UI", "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei",
    "Noto Sans CJK SC", "WenQuanYi Micro Hei", "Roboto", "Helvetica Neue", "sans-serif",
)  # fmt: skip
_MONO = ("ui-monospace", "SFMono-Regular", "Consolas", "Noto Sans Mono CJK SC", "monospace")


def make_theme() -> gr.themes.Base:
    """Make the theme."""
    theme = gr.themes.Base(
        primary_hue=gr.themes.colors.teal,
        secondary_hue=gr.themes.colors.teal,
        neutral_hue=gr.themes.colors.slate,
        radius_size=gr.themes.sizes.radius_md,
        font=_FONTS,
        font_mono=_MONO,
    )
    theme.set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        block_background_fill="white",
        block_background_fill_dark="*neutral_900",
        block_border_width="1px",
        block_border_color="*neutral_200",
        block_border_color_dark="*neutral_800",
        block_shadow="none",
        block_label_background_fill="white",
        block_label_background_fill_dark="*neutral_900",
        block_label_border_width="0px",
        block_label_border_width_dark="0px",
        block_label_text_color="*neutral_600",
        block_label_text_color_dark="*neutral_300",
        block_title_text_weight="500",
        block_title_text_color="*neutral_700",
        block_title_text_color_dark="*neutral_200",
        body_text_color_subdued="*neutral_500",
        body_text_color_subdued_dark="*neutral_400",
        block_info_text_color="*neutral_500",
        block_info_text_color_dark="*neutral_400",
        button_border_width="1px",
        button_border_width_dark="1px",
        button_primary_border_color="transparent",
        button_primary_border_color_dark="transparent",
        button_transform_hover="none",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover_dark="*primary_600",
        button_medium_text_weight="500",
        slider_color="*primary_600",
        slider_color_dark="*primary_500",
        checkbox_background_color_selected="*primary_600",
        checkbox_border_color="*neutral_400",
        checkbox_border_color_dark="*neutral_500",
        checkbox_border_color_selected="*primary_600",
        button_primary_text_color="white",
        button_large_text_weight="500",
        button_secondary_background_fill="white",
        button_secondary_background_fill_hover="*neutral_100",
        button_secondary_background_fill_dark="*neutral_800",
        button_secondary_border_color="*neutral_300",
        button_secondary_border_color_dark="*neutral_700",
        input_border_width="1px",
        input_border_width_dark="1px",
        input_border_color="*neutral_300",
        input_border_color_dark="*neutral_700",
        input_border_color_focus="*primary_500",
        input_border_color_focus_dark="*primary_500",
        input_shadow="none",
        input_background_fill="white",
        input_background_fill_dark="*neutral_900",
    )
    return theme


# A head and shoulders in outline, which stands where a photo will be.
_DRAWING = (
    "url(\"data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 120 120' fill='none' "
    "stroke='%2394a3b8' stroke-width='2.5' stroke-linecap='round'%3E%3Cellipse cx='60' cy='46' rx='23' ry='28'/%3E"
    "%3Cpath d='M18 112c4-24 20-33 42-33s38 9 42 33'/%3E%3C/svg%3E\")"
)

# Sliders of edits go both ways: what is filled begins at zero, in the middle.
_FROM_THE_MIDDLE = (
    "linear-gradient(to right, var(--pe-track) var(--pe-from), var(--slider-color) var(--pe-from), "
    "var(--slider-color) var(--pe-to), var(--pe-track) var(--pe-to))"
)

# Gradio's place for files has no words of its own to set.
_DROP_PHOTOS = "\n".join(
    f':root:lang({language}) {{ --pe-drop-photos: "{TEXTS["drop_photos"].of(language)}"; }}' for language in LANGUAGES
)

CSS = f"""
.gradio-container {{ width: 100% !important; max-width: 1180px !important; margin: 0 auto !important;
  padding: 0 clamp(10px, 2vw, 20px) 28px !important; }}
.main.fillable {{ padding: 0 !important; }}
.html-container {{ padding: 0 !important; }}
.nav-holder {{ display: none !important; }}
.pe-title h2 {{ font-size: 18px; font-weight: 600; margin: 10px 0 0; }}
.gradio-container {{ --pe-track: var(--neutral-200); }}
.dark .gradio-container, .gradio-container.dark {{ --pe-track: var(--neutral-700); }}
.pe-controls > .form, .pe-sliders > .form {{ display: grid; gap: 0; overflow-wrap: break-word;
  grid-template-columns: repeat(auto-fill, minmax(min(205px, 100%), 1fr)); background: var(--block-background-fill); }}
.pe-controls > .form {{ grid-template-columns: repeat(auto-fill, minmax(min(240px, 100%), 1fr)); }}
.pe-controls .block:has(> .wrap > .head), .pe-sliders .block:has(> .wrap > .head) {{ display: flex; }}
.pe-controls .wrap:has(> .head), .pe-sliders .wrap:has(> .head) {{ flex: 1; display: flex; flex-direction: column;
  justify-content: space-between; min-width: 0; }}
.gradio-container input[type=range]::-webkit-slider-thumb {{ border: 1px solid var(--slider-color); }}
.gradio-container input[type=range]::-moz-range-thumb {{ border: 1px solid var(--slider-color); }}
.gradio-container input[type=range]::-webkit-slider-runnable-track {{ background: linear-gradient(to right,
  var(--slider-color) var(--range_progress), var(--pe-track) var(--range_progress)); }}
.gradio-container input[type=range]::-moz-range-track {{ background: var(--pe-track); }}
.pe-sliders input[type=range] {{ --pe-from: min(50%, var(--range_progress));
  --pe-to: max(50%, var(--range_progress)); }}
.pe-sliders input[type=range]::-webkit-slider-runnable-track {{ background: {_FROM_THE_MIDDLE} !important; }}
.pe-sliders input[type=range]::-moz-range-track {{ background: {_FROM_THE_MIDDLE} !important; }}
.pe-sliders input[type=range]::-moz-range-progress {{ background: transparent !important; }}
.pe-head {{ display: flex; align-items: baseline; gap: 14px; padding: 18px 2px 6px; flex-wrap: wrap; }}
.pe-head h1 {{ font-size: 22px; font-weight: 600; margin: 0; letter-spacing: .01em; }}
.pe-head span {{ color: var(--body-text-color-subdued); font-size: 13px; flex: 1; }}
.pe-head a {{ color: var(--primary-700); font-size: 14px; text-decoration: none; padding: 4px 10px;
  border: 1px solid var(--border-color-primary); border-radius: 999px; }}
.dark .pe-head a {{ color: var(--primary-300); }}
.pe-head a:hover {{ border-color: var(--primary-500); }}
.pe-photo .image-container, .pe-result .image-container, .pe-result .slider-wrap {{ background: transparent; }}
.pe-photo img, .pe-result img {{ object-fit: contain !important; }}
.gradio-container button[role=tab].selected {{ color: var(--primary-700); }}
.dark .gradio-container button[role=tab].selected, .gradio-container.dark button[role=tab].selected
  {{ color: var(--primary-300); }}
.pe-gallery .grid-container {{ grid-template-columns: repeat(2, minmax(0, 1fr)) !important;
  grid-auto-rows: auto !important; }}
.pe-gallery .grid-wrap {{ min-height: 0 !important; height: auto !important; max-height: 400px; }}
.pe-gallery {{ height: auto !important; min-height: 0 !important; }}
.pe-gallery .gallery-item, .pe-gallery .thumbnail-item {{ aspect-ratio: 1; }}
.pe-result .empty, .pe-gallery .empty {{ min-height: 180px; }}
.pe-result .empty svg, .pe-gallery .empty svg {{ display: none; }}
.pe-result .empty .icon, .pe-result .empty > div:first-child {{ opacity: .75; width: 96px; height: 96px;
  background: {_DRAWING} center/contain no-repeat; }}
.pe-photo .wrap > .icon-wrap svg {{ display: none; }}
.pe-photo .wrap > .icon-wrap {{ width: 88px; height: 88px; background: {_DRAWING} center/contain no-repeat; }}
{_DROP_PHOTOS}
.pe-drop button > .wrap {{ font-size: 0; }}
.pe-drop button > .wrap > .or {{ display: none; }}
.pe-drop button > .wrap::after {{ content: var(--pe-drop-photos); font-size: 14px;
  color: var(--body-text-color-subdued); }}
.pe-photo .wrap {{ color: var(--body-text-color-subdued); font-size: 14px; line-height: 1.7; }}
.pe-status {{ min-height: 22px; font-size: 14px; color: var(--body-text-color-subdued); padding: 2px; }}
.pe-status .bar {{ height: 4px; border-radius: 2px; background: var(--border-color-primary); overflow: hidden;
  margin-bottom: 7px; }}
.pe-status .bar i {{ display: block; height: 100%; background: var(--primary-500); border-radius: 2px;
  transition: width .25s; }}
.pe-status .bar.unknown i {{ width: 30%; animation: pe-move 1.4s infinite ease-in-out; }}
@keyframes pe-move {{ from {{ margin-left: -30%; }} to {{ margin-left: 100%; }} }}
.pe-status.error, .pe-message {{ color: #b42318; font-size: 14px; line-height: 1.6; }}
.dark .pe-status.error, .dark .pe-message {{ color: #fda29b; }}
.pe-status ul {{ margin: 4px 0 0; padding-left: 18px; font-size: 13px; line-height: 1.6; list-style: disc; }}
[id^=status-]:has(> * .pe-status:empty), [id^=status-]:has(> .pe-status:empty) {{ display: none; }}
.pe-hint {{ font-size: 14px; color: var(--body-text-color-subdued); }}
.pe-away {{ display: none !important; }}
.pe-foot {{ color: var(--body-text-color-subdued); font-size: 12.5px; text-align: center; padding: 14px 0 0; }}
footer {{ display: none !important; }}
@media (min-width: 900px) {{
  .pe-beside {{ position: sticky; top: 12px; align-self: flex-start; }}
}}
@media (max-width: 640px) {{
  .pe-head h1 {{ font-size: 19px; }}
  .pe-head span {{ order: 3; flex-basis: 100%; }}
  .pe-head a {{ margin-left: auto; }}
  .tab-container button[role=tab] {{ padding-left: 9px !important; padding-right: 9px !important; }}
  .pe-window {{ flex-direction: column !important; flex-wrap: nowrap !important; }}
  .pe-window > .column {{ display: contents !important; }}
  .pe-window > .column > * {{ width: 100%; }}
  .pe-window .pe-result, .pe-window #download-code {{ order: 1; }}
  .pe-edit .pe-sliders, .pe-edit .pe-shapes, .pe-edit .pe-reset {{ order: 2; }}
  .pe-edit .pe-start, .pe-edit #status-edit {{ order: 3; }}
  .pe-edit #edit-result {{ position: sticky; top: 0; z-index: 4; height: 250px !important; }}
  .pe-edit #edit-result img {{ max-height: 248px !important; }}
  .pe-edit #edit-face {{ height: 120px !important; }}
  .pe-window .pe-result:has(.empty):not(#edit-face) {{ height: 220px !important; }}
  .pe-window .pe-result:has(.image-frame img):not(#edit-face) {{ height: auto !important; }}
  .pe-window .pe-result:not(#edit-face) .image-frame img {{ width: 100%; height: auto; }}
}}
"""
