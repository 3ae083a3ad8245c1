//! GTIDs as text, for messages that say them.

use std::fmt::Write as _;

use tailrace_codec::position::{SourceGtid, Tsid};

/// The text of one GTID after the other. What does not change from one to the next is not written again:
/// there is one for every transaction.
#[derive(Default)]
pub(super) struct GtidText {
    text: String,
    /// Whose numbers the text's begin stands for.
    stem: Option<Tsid>,
    stem_bytes: usize,
    is_set: bool,
}

impl GtidText {
    pub(super) fn set(&mut self, gtid: &SourceGtid) {
        self.is_set = true;
        let SourceGtid::MySql(gtid) = gtid else {
            self.stem = None;
            self.text.clear();
            // Writing to a String cannot fail.
            let _ = write!(self.text, "{gtid}");
            return;
        };
        if self.stem.as_ref() == Some(gtid.tsid()) {
            self.text.truncate(self.stem_bytes);
        } else {
            self.text.clear();
            let _ = write!(self.text, "{}:", gtid.tsid());
            (self.stem, self.stem_bytes) = (Some(*gtid.tsid()), self.text.len());
        }
        let _ = write!(self.text, "{}", gtid.gno());
    }

    /// There is no transaction any more.
    pub(super) fn clear(&mut self) {
        self.is_set = false;
    }

    pub(super) fn get(&self) -> Option<&str> {
        self.is_set.then_some(self.text.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_is_that_of_its_gtid() {
        let mut text = GtidText::default();
        assert_eq!(text.get(), None);
        let uuid = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
        for gtid in [
            format!("{uuid}:9"),
            format!("{uuid}:10"),
            format!("{uuid}:tag:10"),
            format!("{uuid}:3"),
        ] {
            text.set(&SourceGtid::MySql(gtid.parse().unwrap()));
            assert_eq!(text.get(), Some(gtid.as_str()));
        }
        text.set(&SourceGtid::MariaDb("0-1-7".parse().unwrap()));
        assert_eq!(text.get(), Some("0-1-7"));
        text.set(&SourceGtid::MySql(format!("{uuid}:4").parse().unwrap()));
        assert_eq!(text.get(), Some(format!("{uuid}:4").as_str()));
        text.clear();
        assert_eq!(text.get(), None);
    }
}
