//! Geometries as text: OGC's well-known text from well-known binary, spelled as JTS spells it (`POINT (1 2)`).

use std::io::Write as _;

use super::error::ValueError;

/// Collections within collections. MySQL itself stops at 100 levels of nesting in its parser.
const DEPTH_MAX: u32 = 100;

/// Appends the text of a geometry as MySQL stores it: SRID (4 bytes, not in the text) and WKB.
///
/// # Errors
/// It is no well-known binary of a point, line, polygon or collection of those in two dimensions.
pub(super) fn push_wkt(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), ValueError> {
    let wkb = bytes.get(4..).ok_or_else(|| ValueError::new("a geometry without SRID"))?;
    let mut reader = Reader { rest: wkb };
    geometry(out, &mut reader, DEPTH_MAX)?;
    if reader.rest.is_empty() {
        return Ok(());
    }
    Err(ValueError::new(format!("{} bytes behind a geometry", reader.rest.len())))
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], ValueError> {
        let (head, rest) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or_else(|| ValueError::new("a geometry ends too early"))?;
        self.rest = rest;
        Ok(*head)
    }

    fn number(&mut self, little: bool) -> Result<u32, ValueError> {
        let bytes = self.take::<4>()?;
        Ok(if little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }

    fn coordinate(&mut self, little: bool) -> Result<f64, ValueError> {
        let bytes = self.take::<8>()?;
        Ok(if little { f64::from_le_bytes(bytes) } else { f64::from_be_bytes(bytes) })
    }

    /// Byte order and type of a geometry.
    fn head(&mut self) -> Result<(bool, u32), ValueError> {
        let little = match self.take::<1>()? {
            [0] => false,
            [1] => true,
            [other] => return Err(ValueError::new(format!("byte order {other} of a geometry"))),
        };
        Ok((little, self.number(little)?))
    }
}

/// Name, and what stands between its brackets, by the type's number.
fn geometry(out: &mut Vec<u8>, reader: &mut Reader<'_>, depth: u32) -> Result<(), ValueError> {
    let (little, kind) = reader.head()?;
    let name = match kind {
        1 => "POINT ",
        2 => "LINESTRING ",
        3 => "POLYGON ",
        4 => "MULTIPOINT ",
        5 => "MULTILINESTRING ",
        6 => "MULTIPOLYGON ",
        7 => "GEOMETRYCOLLECTION ",
        other => return Err(ValueError::new(format!("type {other} of a geometry"))),
    };
    out.extend_from_slice(name.as_bytes());
    match kind {
        4..=7 => {
            let Some(depth) = depth.checked_sub(1) else {
                return Err(ValueError::new(format!("collections deeper than {DEPTH_MAX}")));
            };
            list(out, reader, little, |out, reader| {
                if kind == 7 {
                    return geometry(out, reader, depth);
                }
                let (little, part) = reader.head()?;
                if part != kind - 3 {
                    return Err(ValueError::new(format!("type {part} in a collection of {kind}")));
                }
                body(out, reader, little, part)
            })
        }
        _ => body(out, reader, little, kind),
    }
}

/// The coordinates of a point, line or polygon, in brackets.
fn body(
    out: &mut Vec<u8>,
    reader: &mut Reader<'_>,
    little: bool,
    kind: u32,
) -> Result<(), ValueError> {
    let point = |out: &mut Vec<u8>, reader: &mut Reader<'_>| position(out, reader, little);
    match kind {
        1 => {
            out.push(b'(');
            position(out, reader, little)?;
            out.push(b')');
            Ok(())
        }
        2 => list(out, reader, little, point),
        _ => list(out, reader, little, |out, reader| list(out, reader, little, point)),
    }
}

/// A count and as many parts, in brackets; `EMPTY` for none.
fn list(
    out: &mut Vec<u8>,
    reader: &mut Reader<'_>,
    little: bool,
    mut part: impl FnMut(&mut Vec<u8>, &mut Reader<'_>) -> Result<(), ValueError>,
) -> Result<(), ValueError> {
    let count = reader.number(little)?;
    if count == 0 {
        out.extend_from_slice(b"EMPTY");
        return Ok(());
    }
    // No part is without bytes, so a count that is too large ends with them.
    for n in 0..count {
        out.extend_from_slice(if n == 0 { b"(" } else { b", " });
        part(out, reader)?;
    }
    out.push(b')');
    Ok(())
}

fn position(out: &mut Vec<u8>, reader: &mut Reader<'_>, little: bool) -> Result<(), ValueError> {
    let (x, y) = (reader.coordinate(little)?, reader.coordinate(little)?);
    // The shortest digits that give the same number, without an exponent. A Vec takes everything.
    write!(out, "{x} {y}").map_err(|e| ValueError::new(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(wkb: &[&[u8]]) -> Result<String, ValueError> {
        let mut out = Vec::new();
        push_wkt(&mut out, &[&[0xE6, 0x10, 0, 0][..], &wkb.concat()].concat())?;
        Ok(String::from_utf8(out).unwrap())
    }

    fn coordinates(numbers: &[f64]) -> Vec<u8> {
        numbers.iter().flat_map(|n| n.to_le_bytes()).collect()
    }

    const POINT: &[u8] = &[1, 1, 0, 0, 0];
    const LINE: &[u8] = &[1, 2, 0, 0, 0];

    #[test]
    fn every_type() {
        let two = &[2, 0, 0, 0][..];
        let one = &[1, 0, 0, 0][..];
        let c = coordinates(&[1.0, -2.5]);
        let line = coordinates(&[0.0, 0.0, 1e21, 0.1]);
        assert_eq!(text(&[POINT, &c]).unwrap(), "POINT (1 -2.5)");
        assert_eq!(
            text(&[LINE, two, &line]).unwrap(),
            "LINESTRING (0 0, 1000000000000000000000 0.1)"
        );
        let ring = coordinates(&[0.0, 0.0, 9.0, 0.0, 9.0, 9.0, 0.0, 0.0]);
        let polygon = [&[1, 3, 0, 0, 0][..], one, &[4, 0, 0, 0], &ring].concat();
        assert_eq!(text(&[&polygon]).unwrap(), "POLYGON ((0 0, 9 0, 9 9, 0 0))");
        assert_eq!(
            text(&[&[1, 4, 0, 0, 0], two, POINT, &c, POINT, &c]).unwrap(),
            "MULTIPOINT ((1 -2.5), (1 -2.5))"
        );
        assert_eq!(
            text(&[&[1, 5, 0, 0, 0], one, LINE, two, &line]).unwrap(),
            "MULTILINESTRING ((0 0, 1000000000000000000000 0.1))"
        );
        assert_eq!(
            text(&[&[1, 6, 0, 0, 0], one, &polygon]).unwrap(),
            "MULTIPOLYGON (((0 0, 9 0, 9 9, 0 0)))"
        );
        assert_eq!(
            text(&[&[1, 7, 0, 0, 0], two, POINT, &c, &[1, 7, 0, 0, 0], &[0; 4]]).unwrap(),
            "GEOMETRYCOLLECTION (POINT (1 -2.5), GEOMETRYCOLLECTION EMPTY)"
        );
        let big: Vec<u8> = [3.0f64, 4.0].iter().flat_map(|n| n.to_be_bytes()).collect();
        assert_eq!(text(&[&[0, 0, 0, 0, 1], &big]).unwrap(), "POINT (3 4)");
    }

    #[test]
    fn what_is_none_is_an_error() {
        for wkb in [
            &[][..],
            &[2, 1, 0, 0, 0],
            &[1, 9, 0, 0, 0],
            &[1, 1, 0, 0, 0, 0],
            &[1, 2, 0, 0, 0, 255, 255, 255, 255],
            &[1, 4, 0, 0, 0, 1, 0, 0, 0, 1, 2, 0, 0, 0],
        ] {
            assert!(text(&[wkb]).is_err(), "{wkb:?}");
        }
        assert!(text(&[POINT, &coordinates(&[1.0, 2.0, 3.0])]).is_err());
        assert!(push_wkt(&mut Vec::new(), &[0; 3]).is_err());
        let deep = [1, 7, 0, 0, 0, 1, 0, 0, 0].repeat(1000);
        assert!(text(&[&deep]).unwrap_err().0.contains("deeper"));
    }
}
