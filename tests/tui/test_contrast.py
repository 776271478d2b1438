"""Whatever theme is chosen, every word of every area can be read (WCAG 2.1, 1.4.3; high contrast: 1.4.6)."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.color import Color

from station.tui.themes import HIGH_CONTRAST, THEMES
from tests.tui.playing import WIDE, playing


def luminance(color: Color) -> float:
    """Relative luminance (WCAG 2.1)."""
    parts = [one / 255 for one in color.rgb]
    red, green, blue = (one / 12.92 if one <= 0.03928 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Color, other: Color) -> float:
    """Contrast ratio (WCAG 2.1)."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", THEMES, ids=[one.name for one in THEMES])
async def test_every_word_stands_out(home: Path, theme: object) -> None:
    least = 7.0 if theme is HIGH_CONTRAST else 4.5
    weak: set[tuple[str, float, str]] = set()
    async with playing(home, WIDE, "olga") as player:
        player.app.theme = theme.name  # type: ignore[attr-defined]
        for key in (f"f{number}" for number in range(2, 13)):
            await player.press(key)
            await player.settled()
            await player.forget_told()
            for segment in (one for line in player.app.screen._compositor.render_strips() for one in line):
                style, words = segment.style, segment.text.strip()
                if style is None or not (style.color and style.bgcolor and any(map(str.isalnum, words))):
                    continue
                found = contrast(Color.from_rich_color(style.color), Color.from_rich_color(style.bgcolor))
                if found < least:
                    weak.add((key, round(found, 1), words))
    assert not weak
