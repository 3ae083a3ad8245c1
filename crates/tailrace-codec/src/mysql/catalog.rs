//! Table structures from `information_schema`.
//!
//! The result equals, column by column, what the binlog's table maps say with full row metadata, so
//! that a row of the full phase and one of the stream meet the same schema.

use std::collections::{BTreeMap, HashMap};

use super::{column_type_text, handshake::ServerVersion, wire::Reader};
use crate::{
    error::{DecodeError, Result},
    schema::{CollationId, Column, ColumnType, TableSchema},
};

/// The collation of everything that is not text.
const BINARY_COLLATION: CollationId = 63;

/// The statement whose rows go to [`Catalog::add_collation`].
///
/// MariaDB 10.10 and later name a collation without its character set in `COLLATIONS`, and give it a
/// number per character set in another table.
pub fn collations_query(version: ServerVersion) -> &'static str {
    if version.mariadb && version.at_least(10, 10, 1) {
        "SELECT FULL_COLLATION_NAME, ID \
         FROM information_schema.COLLATION_CHARACTER_SET_APPLICABILITY"
    } else {
        "SELECT COLLATION_NAME, ID FROM information_schema.COLLATIONS"
    }
}

/// The statement whose rows go to [`Catalog::add_column`]: all columns of a database's tables (no
/// views), or of one of its tables.
pub fn columns_query(database: &str, table: Option<&str>) -> String {
    format!(
        "SELECT c.TABLE_SCHEMA, c.TABLE_NAME, c.COLUMN_NAME, c.ORDINAL_POSITION, c.DATA_TYPE, \
         c.COLUMN_TYPE, c.COLLATION_NAME, c.CHARACTER_MAXIMUM_LENGTH, c.NUMERIC_PRECISION, \
         c.NUMERIC_SCALE, c.DATETIME_PRECISION, c.IS_NULLABLE \
         FROM information_schema.COLUMNS c JOIN information_schema.TABLES t \
         ON t.TABLE_SCHEMA = c.TABLE_SCHEMA AND t.TABLE_NAME = c.TABLE_NAME \
         WHERE {} AND {} AND t.TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED') \
         ORDER BY c.TABLE_NAME, c.ORDINAL_POSITION",
        scope("c", database, table),
        scope("t", database, table)
    )
}

/// The statement whose rows go to [`Catalog::add_key_column`].
pub fn keys_query(database: &str, table: Option<&str>) -> String {
    format!(
        "SELECT s.TABLE_SCHEMA, s.TABLE_NAME, s.COLUMN_NAME, s.SEQ_IN_INDEX \
         FROM information_schema.STATISTICS s \
         WHERE {} AND s.INDEX_NAME = 'PRIMARY' ORDER BY s.TABLE_NAME, s.SEQ_IN_INDEX",
        scope("s", database, table)
    )
}

/// Constants on both names let servers before 8.0 open only the tables asked for.
fn scope(alias: &str, database: &str, table: Option<&str>) -> String {
    let mut scope = format!("{alias}.TABLE_SCHEMA = {}", name_literal(database));
    if let Some(table) = table {
        scope.push_str(&format!(" AND {alias}.TABLE_NAME = {}", name_literal(table)));
    }
    scope
}

/// A name as a literal that needs no escaping under any SQL mode.
fn name_literal(name: &str) -> String {
    let digits: String = name.bytes().map(|byte| format!("{byte:02X}")).collect();
    format!("_utf8mb4 x'{digits}'")
}

/// Columns and key of one table while rows come in.
#[derive(Debug, Clone, Default)]
struct TableRows {
    /// By ordinal position, from 1.
    columns: BTreeMap<u32, Result<Column>>,
    /// Column names by place in the key, from 1.
    key: BTreeMap<u32, String>,
}

/// Collects rows of the three statements and builds schemas.
///
/// Every row is the list of a result set row's values, as
/// [`TextRow::to_vec`](super::TextRow::to_vec) gives it. Collations come first.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    collations: HashMap<String, CollationId>,
    tables: BTreeMap<(String, String), TableRows>,
}

impl Catalog {
    /// Without any row.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a row of [`collations_query`]. Rows without number (MariaDB lists a few) are left out:
    /// no column can have such a collation.
    ///
    /// # Errors
    /// The row has another form.
    pub fn add_collation(&mut self, row: &[Option<&[u8]>]) -> Result<()> {
        let fields = Fields("collation", row);
        let name = fields.text(0, "name")?;
        if let Some(id) = fields.optional_number(1, "ID")? {
            let id = CollationId::try_from(id)
                .map_err(|_| fields.error(format!("{name} has number {id}, beyond 65535")))?;
            self.collations.insert(name, id);
        }
        Ok(())
    }

    /// Takes a row of [`columns_query`]. A column that is not understood is an error of its table
    /// only, given by [`Self::finish`].
    ///
    /// # Errors
    /// The row has another form.
    pub fn add_column(&mut self, row: &[Option<&[u8]>]) -> Result<()> {
        let fields = Fields("column", row);
        let table = (fields.text(0, "TABLE_SCHEMA")?, fields.text(1, "TABLE_NAME")?);
        let position = fields.number(3, "ORDINAL_POSITION")?;
        let column = self.column(&fields);
        self.tables.entry(table).or_default().columns.insert(position, column);
        Ok(())
    }

    /// Takes a row of [`keys_query`]. Keys of tables without column rows (views have none) are left
    /// out.
    ///
    /// # Errors
    /// The row has another form.
    pub fn add_key_column(&mut self, row: &[Option<&[u8]>]) -> Result<()> {
        let fields = Fields("key column", row);
        let table = (fields.text(0, "TABLE_SCHEMA")?, fields.text(1, "TABLE_NAME")?);
        let position = fields.number(3, "SEQ_IN_INDEX")?;
        let name = fields.text(2, "COLUMN_NAME")?;
        if let Some(rows) = self.tables.get_mut(&table) {
            rows.key.insert(position, name);
        }
        Ok(())
    }

    /// The tables in order of database and table name, each with its schema or why there is none.
    pub fn finish(self) -> Vec<((String, String), Result<TableSchema>)> {
        self.tables
            .into_iter()
            .map(|(names, rows)| {
                let schema = rows.schema(names.clone());
                (names, schema)
            })
            .collect()
    }

    fn column(&self, fields: &Fields<'_>) -> Result<Column> {
        let data_type = fields.text(4, "DATA_TYPE")?.to_ascii_lowercase();
        let column_type = fields.text(5, "COLUMN_TYPE")?;
        let kind = column_kind(fields, &data_type, &column_type)?;
        let collation = match fields.optional_text(6) {
            Some(name) if has_collation(&kind) => *self
                .collations
                .get(&name)
                .ok_or_else(|| fields.error(format!("collation {name} is not in the catalog")))?,
            _ => BINARY_COLLATION,
        };
        Ok(Column {
            name: fields.text(2, "COLUMN_NAME")?,
            type_name: type_name(&data_type, &column_type),
            kind,
            collation,
            nullable: fields.text(11, "IS_NULLABLE")?.eq_ignore_ascii_case("YES"),
        })
    }
}

impl TableRows {
    fn schema(self, (database, table): (String, String)) -> Result<TableSchema> {
        let columns = self.columns.into_values().collect::<Result<Vec<_>>>()?;
        let primary_key = self
            .key
            .into_values()
            .map(|name| {
                columns.iter().position(|c| c.name == name).ok_or_else(|| {
                    let reason = format!(
                        "the key of {database}.{table} names column {name}, which it does not have"
                    );
                    DecodeError::new("catalog", 0, reason)
                })
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(TableSchema { database, table, columns, primary_key })
    }
}

fn has_collation(kind: &ColumnType) -> bool {
    matches!(
        kind,
        ColumnType::Char
            | ColumnType::VarChar
            | ColumnType::Text
            | ColumnType::Enum(_)
            | ColumnType::Set(_)
    )
}

/// The bare type name of messages.
fn type_name(data_type: &str, column_type: &str) -> String {
    match data_type {
        // MySQL 8.0 and later shorten the name; other servers say it in full.
        "geometrycollection" => "geomcollection".to_owned(),
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "float" | "double"
        | "decimal"
            if column_type_text::is_unsigned(column_type) =>
        {
            format!("{data_type} unsigned")
        }
        _ => data_type.to_owned(),
    }
}

fn column_kind(fields: &Fields<'_>, data_type: &str, column_type: &str) -> Result<ColumnType> {
    let unsigned = column_type_text::is_unsigned(column_type);
    let fsp = || fields.optional_number(10, "DATETIME_PRECISION").map(Option::unwrap_or_default);
    let members = || column_type_text::members(column_type).map(Into::into);
    Ok(match data_type {
        "tinyint" => ColumnType::TinyInt { unsigned },
        "smallint" => ColumnType::SmallInt { unsigned },
        "mediumint" => ColumnType::MediumInt { unsigned },
        "int" => ColumnType::Int { unsigned },
        "bigint" => ColumnType::BigInt { unsigned },
        "float" => ColumnType::Float,
        "double" => ColumnType::Double,
        "decimal" => ColumnType::Decimal {
            precision: fields.small(8, "NUMERIC_PRECISION", 65)?,
            scale: fields.small(9, "NUMERIC_SCALE", 30)?,
        },
        "bit" => ColumnType::Bit { bits: fields.small(8, "NUMERIC_PRECISION", 64)? },
        "year" => ColumnType::Year,
        "date" => ColumnType::Date,
        "time" => ColumnType::Time(fields.fsp(fsp()?)?),
        "datetime" => ColumnType::DateTime(fields.fsp(fsp()?)?),
        "timestamp" => ColumnType::Timestamp(fields.fsp(fsp()?)?),
        "char" => ColumnType::Char,
        "varchar" => ColumnType::VarChar,
        "tinytext" | "text" | "mediumtext" | "longtext" => ColumnType::Text,
        "binary" => ColumnType::Binary {
            length: u16::from(fields.small(7, "CHARACTER_MAXIMUM_LENGTH", u8::MAX)?),
        },
        "varbinary" => ColumnType::VarBinary,
        "tinyblob" | "blob" | "mediumblob" | "longblob" => ColumnType::Blob,
        "enum" => ColumnType::Enum(members()?),
        "set" => ColumnType::Set(members()?),
        "json" => ColumnType::Json,
        "geometry" | "point" | "linestring" | "polygon" | "multipoint" | "multilinestring"
        | "multipolygon" | "geometrycollection" | "geomcollection" => ColumnType::Geometry,
        "vector" => ColumnType::Vector,
        "uuid" => ColumnType::Uuid,
        "inet4" => ColumnType::Inet4,
        "inet6" => ColumnType::Inet6,
        _ => return Err(fields.error(format!("type {data_type} is not supported"))),
    })
}

/// Typed access to a row; errors name the table and column the row is about.
struct Fields<'a>(&'static str, &'a [Option<&'a [u8]>]);

impl Fields<'_> {
    fn get(&self, at: usize) -> Option<&[u8]> {
        self.1.get(at).copied().flatten()
    }

    fn error(&self, reason: String) -> DecodeError {
        let subject: Vec<String> = (0..3).filter_map(|at| self.optional_text(at)).collect();
        DecodeError::new(format!("catalog row of {} {}", self.0, subject.join(".")), 0, reason)
    }

    fn optional_text(&self, at: usize) -> Option<String> {
        self.get(at).map(Reader::text)
    }

    fn text(&self, at: usize, name: &str) -> Result<String> {
        self.optional_text(at).ok_or_else(|| self.error(format!("{name} is missing")))
    }

    fn optional_number(&self, at: usize, name: &str) -> Result<Option<u32>> {
        let Some(text) = self.get(at) else { return Ok(None) };
        let number = std::str::from_utf8(text).ok().and_then(|t| t.parse().ok());
        match number {
            Some(number) => Ok(Some(number)),
            None => Err(self.error(format!("{name} is {:?}, not a number", Reader::text(text)))),
        }
    }

    fn number(&self, at: usize, name: &str) -> Result<u32> {
        self.optional_number(at, name)?.ok_or_else(|| self.error(format!("{name} is missing")))
    }

    fn small(&self, at: usize, name: &str, max: u8) -> Result<u8> {
        let number = self.number(at, name)?;
        u8::try_from(number)
            .ok()
            .filter(|&n| n <= max)
            .ok_or_else(|| self.error(format!("{name} is {number}, at most {max} is allowed")))
    }

    fn fsp(&self, digits: u32) -> Result<u8> {
        u8::try_from(digits)
            .ok()
            .filter(|&d| d <= 6)
            .ok_or_else(|| self.error(format!("{digits} fraction digits, at most 6 are allowed")))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn row(text: &str) -> Vec<Option<&[u8]>> {
        text.split('|').map(|f| (f != "NULL").then_some(f.as_bytes())).collect()
    }

    fn catalog(columns: &[&str], keys: &[&str]) -> Catalog {
        let mut catalog = Catalog::new();
        catalog.add_collation(&row("utf8mb4_bin|46")).unwrap();
        catalog.add_collation(&row("no_number|NULL")).unwrap();
        for column in columns {
            catalog.add_column(&row(column)).unwrap();
        }
        for key in keys {
            catalog.add_key_column(&row(key)).unwrap();
        }
        catalog
    }

    #[test]
    fn a_table() {
        let catalog = catalog(
            &[
                "d|t|b|2|decimal|decimal(12,3) unsigned zerofill|NULL|NULL|12|3|NULL|NO",
                "d|t|a|1|enum|enum('x unsigned','y')|utf8mb4_bin|1|NULL|NULL|NULL|YES",
                "d|t|c|3|datetime|datetime(3)|NULL|NULL|NULL|NULL|3|YES",
                "d|t|e|4|geometrycollection|geometrycollection|NULL|NULL|NULL|NULL|NULL|YES",
                "d|t|f|5|json|json|NULL|NULL|NULL|NULL|NULL|YES",
            ],
            &["d|t|c|2", "d|t|b|1", "d|a_view|x|1"],
        );
        let tables = catalog.finish();
        let [((database, table), Ok(schema))] = &tables[..] else { panic!("{tables:?}") };
        assert_eq!((database.as_str(), table.as_str()), ("d", "t"));
        assert_eq!(schema.primary_key, [1, 2]);
        let types: Vec<_> = schema.columns.iter().map(|c| c.type_name.as_str()).collect();
        assert_eq!(types, ["enum", "decimal unsigned", "datetime", "geomcollection", "json"]);
        let members = ["x unsigned".to_owned(), "y".to_owned()];
        assert_eq!(schema.columns[0].kind, ColumnType::Enum(members.as_slice().into()));
        assert_eq!((schema.columns[0].collation, schema.columns[4].collation), (46, 63));
        assert_eq!(schema.columns[1].kind, ColumnType::Decimal { precision: 12, scale: 3 });
        assert!(schema.columns[0].nullable && !schema.columns[1].nullable);
    }

    #[test]
    fn what_is_not_understood_is_an_error_of_its_table() {
        let catalog = catalog(
            &[
                "d|a|x|1|xmltype|xmltype|NULL|NULL|NULL|NULL|NULL|YES",
                "d|b|x|1|varchar|varchar(9)|strange_ci|9|NULL|NULL|NULL|YES",
                "d|c|x|1|int|int|NULL|NULL|10|0|NULL|YES",
            ],
            &["d|c|gone|1"],
        );
        let reasons: Vec<String> =
            catalog.finish().into_iter().map(|(_, s)| s.unwrap_err().to_string()).collect();
        assert!(reasons[0].contains("d.a.x") && reasons[0].contains("xmltype"), "{reasons:?}");
        assert!(reasons[1].contains("strange_ci"), "{reasons:?}");
        assert!(reasons[2].contains("gone"), "{reasons:?}");
        assert!(Catalog::new().add_column(&row("d|t|c|x")).is_err());
        assert!(Catalog::new().add_collation(&row("a|99999")).is_err());
    }

    #[test]
    fn statements() {
        let mysql = ServerVersion { mariadb: false, major: 9, minor: 7, patch: 4 };
        let mariadb = ServerVersion { mariadb: true, major: 11, minor: 4, patch: 2 };
        assert!(collations_query(mysql).ends_with(".COLLATIONS"));
        assert!(collations_query(mariadb).contains("FULL_COLLATION_NAME"));
        assert!(columns_query("a'b", Some("t")).contains("_utf8mb4 x'612762'"));
        assert!(keys_query("d", None).contains("s.TABLE_SCHEMA = _utf8mb4 x'64' AND s.INDEX_NAME"));
    }

    proptest! {
        #[test]
        fn no_panic(fields in proptest::collection::vec(proptest::option::of(any::<Vec<u8>>()), 0..13)) {
            let row: Vec<Option<&[u8]>> = fields.iter().map(|f| f.as_deref()).collect();
            let mut catalog = Catalog::new();
            let _ = (catalog.add_collation(&row), catalog.add_column(&row));
            let _ = catalog.add_key_column(&row);
            let _ = catalog.finish();
        }
    }
}
