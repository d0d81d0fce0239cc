"""How the page looks: a calm theme of system fonts, and the little CSS that Gradio's theme cannot say."""

from __future__ import annotations

import gradio as gr

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
        body_text_color_subdued="*neutral_500",
        body_text_color_subdued_dark="*neutral_400",
        block_info_text_color="*neutral_500",
        block_info_text_color_dark="*neutral_400",
        button_border_width="1px",
        button_border_width_dark="1px",
        button_primary_border_color="transparent",
        button_primary_border_color_dark="transparent",
        button_transform_hover="none",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_dark="*primary_600",
        button_primary_background_fill_hover_dark="*primary_500",
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

CSS = f"""
.gradio-container {{ width: 100% !important; max-width: 1180px !important; margin: 0 auto !important;
  padding: 0 clamp(10px, 2vw, 20px) 28px !important; }}
.main.fillable {{ padding: 0 !important; }}
.html-container {{ padding: 0 !important; }}
.nav-holder {{ display: none !important; }}
.pe-title h2 {{ font-size: 18px; font-weight: 600; margin: 10px 0 0; }}
.pe-sliders {{ gap: 10px; }}
.pe-head {{ display: flex; align-items: baseline; gap: 14px; padding: 18px 2px 6px; flex-wrap: wrap; }}
.pe-head h1 {{ font-size: 22px; font-weight: 600; margin: 0; letter-spacing: .01em; }}
.pe-head span {{ color: var(--body-text-color-subdued); font-size: 13px; flex: 1; }}
.pe-head a {{ color: var(--primary-600); font-size: 14px; text-decoration: none; padding: 4px 10px;
  border: 1px solid var(--border-color-primary); border-radius: 999px; }}
.dark .pe-head a {{ color: var(--primary-300); }}
.pe-head a:hover {{ border-color: var(--primary-500); }}
.pe-photo .image-container, .pe-result .image-container, .pe-result .slider-wrap {{ background: transparent; }}
.pe-photo img, .pe-result img, .pe-numbered img {{ object-fit: contain !important; }}
.pe-result .empty, .pe-gallery .empty {{ min-height: 180px; }}
.pe-result .empty svg, .pe-gallery .empty svg {{ display: none; }}
.pe-result .empty .icon, .pe-result .empty > div:first-child {{ opacity: .75; width: 96px; height: 96px;
  background: {_DRAWING} center/contain no-repeat; }}
.pe-photo .wrap > .icon-wrap svg {{ display: none; }}
.pe-photo .wrap > .icon-wrap {{ width: 88px; height: 88px; background: {_DRAWING} center/contain no-repeat; }}
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
.pe-hint {{ font-size: 14px; color: var(--body-text-color-subdued); }}
.pe-away {{ display: none !important; }}
.pe-foot {{ color: var(--body-text-color-subdued); font-size: 12.5px; text-align: center; padding: 14px 0 0; }}
footer {{ display: none !important; }}
@media (max-width: 640px) {{
  .pe-head h1 {{ font-size: 19px; }}
  .pe-head span {{ order: 3; flex-basis: 100%; }}
  .pe-inputs-last {{ order: -1; }}
}}
"""
