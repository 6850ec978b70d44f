//! Colours, told apart also by those who do not see all of them.

use plotters::style::RGBColor;

/// What the picture is looked at on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Theme {
    /// White, for print.
    #[default]
    Light,
    /// Dark, for screens.
    Dark,
}

pub(super) const GREEN: RGBColor = RGBColor(0x00, 0x9e, 0x73);
pub(super) const GREY: RGBColor = RGBColor(0x8a, 0x8f, 0x98);
pub(super) const ORANGE: RGBColor = RGBColor(0xe6, 0x9f, 0x00);
pub(super) const RED: RGBColor = RGBColor(0xd5, 0x5e, 0x00);
pub(super) const SKY: RGBColor = RGBColor(0x56, 0xb4, 0xe9);
pub(super) const BLUE: RGBColor = RGBColor(0x00, 0x72, 0xb2);
pub(super) const PINK: RGBColor = RGBColor(0xcc, 0x79, 0xa7);
pub(super) const YELLOW: RGBColor = RGBColor(0xf0, 0xe4, 0x42);

impl Theme {
    pub(super) fn ground(self) -> RGBColor {
        match self {
            Self::Light => RGBColor(0xff, 0xff, 0xff),
            Self::Dark => RGBColor(0x16, 0x18, 0x1d),
        }
    }

    pub(super) fn text(self) -> RGBColor {
        match self {
            Self::Light => RGBColor(0x1f, 0x23, 0x28),
            Self::Dark => RGBColor(0xd7, 0xda, 0xe0),
        }
    }

    pub(super) fn grid(self) -> RGBColor {
        match self {
            Self::Light => RGBColor(0xe3, 0xe5, 0xe8),
            Self::Dark => RGBColor(0x2b, 0x2f, 0x36),
        }
    }

    /// "Not ours": what is there and does not matter.
    pub(super) fn faint(self) -> RGBColor {
        match self {
            Self::Light => RGBColor(0xc9, 0xce, 0xd6),
            Self::Dark => RGBColor(0x3d, 0x43, 0x4d),
        }
    }
}
