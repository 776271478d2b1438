"""Colours of the screen: dark, light and high contrast. No state is told by a colour alone."""

from __future__ import annotations

from textual.theme import Theme

from station.tui.words import N_

DARK = Theme(
    name="station-dark",
    primary="#4aa3df",
    secondary="#7f9fb6",
    accent="#e8b339",
    warning="#e8b339",
    error="#f2665b",
    success="#5fbf77",
    foreground="#e6eaed",
    background="#12181d",
    surface="#1a2229",
    panel="#232e37",
    dark=True,
    variables={"text-disabled": "#98a5ae"},
)

LIGHT = Theme(
    name="station-light",
    primary="#005f9e",
    secondary="#4c6472",
    accent="#8a5a00",
    warning="#8a5a00",
    error="#b3261e",
    success="#1b6e3c",
    foreground="#14191d",
    background="#f6f7f8",
    surface="#ffffff",
    panel="#e3e8ec",
    dark=False,
    variables={"text-disabled": "#56626b"},
)

HIGH_CONTRAST = Theme(
    name="station-high-contrast",
    primary="#00ffff",
    secondary="#ffffff",
    accent="#ffff00",
    warning="#ffff00",
    error="#ff9d9d",
    success="#8dff8d",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#000000",
    dark=True,
    text_alpha=1.0,
    variables={
        "border": "#ffffff",
        "border-blurred": "#ffffff",
        "footer-background": "#000000",
        "text-disabled": "#d0d0d0",
    },
)

THEMES = (DARK, LIGHT, HIGH_CONTRAST)

NAMES = {
    DARK.name: N_("dark"),
    LIGHT.name: N_("light"),
    HIGH_CONTRAST.name: N_("high contrast"),
}
"""What each theme is called on the screen."""
