//! Character sets of a database: how much longer its texts may become in UTF-8.

/// A database's character set, `NLS_CHARACTERSET`, as far as lengths depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatabaseCharset {
    /// `AL32UTF8`: characters of up to four bytes.
    Al32Utf8,
    /// `UTF8`: up to three bytes for each half of a pair.
    Utf8,
    /// `ZHS16GBK`: up to two bytes.
    Zhs16Gbk,
    /// `US7ASCII`
    Us7Ascii,
    /// `WE8MSWIN1252` and ISO 8859: one byte.
    SingleByte,
}

impl DatabaseCharset {
    /// The character set of this name; `None` for one that is not supported.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "AL32UTF8" => Some(Self::Al32Utf8),
            "UTF8" => Some(Self::Utf8),
            "ZHS16GBK" => Some(Self::Zhs16Gbk),
            "US7ASCII" => Some(Self::Us7Ascii),
            "WE8MSWIN1252" | "WE8ISO8859P1" | "WE8ISO8859P2" | "WE8ISO8859P4" | "WE8ISO8859P5"
            | "WE8ISO8859P7" | "WE8ISO8859P9" | "WE8ISO8859P13" | "WE8ISO8859P15" => {
                Some(Self::SingleByte)
            }
            _ => None,
        }
    }

    /// Names of those that are supported, for a message.
    pub const SUPPORTED: &'static str = "AL32UTF8, UTF8, ZHS16GBK, US7ASCII, WE8MSWIN1252, WE8ISO8859P1, P2, P4, P5, P7, P9, P13, P15";

    /// By what a length in bytes is multiplied: three for Unicode and two for GBK, as DRS does, and what the widest
    /// character needs for the others.
    pub fn byte_factor(self) -> u32 {
        match self {
            Self::Al32Utf8 | Self::Utf8 | Self::SingleByte => 3,
            Self::Zhs16Gbk => 2,
            Self::Us7Ascii => 1,
        }
    }

    /// Bytes that the widest of its characters has in UTF-8.
    pub fn char_bytes_max(self) -> u32 {
        match self {
            Self::Al32Utf8 => 4,
            Self::Utf8 | Self::Zhs16Gbk | Self::SingleByte => 3,
            Self::Us7Ascii => 1,
        }
    }
}
