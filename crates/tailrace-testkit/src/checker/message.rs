//! Messages as a consumer parses them: the thirteen fields of DRS's JSON formats.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

/// The two JSON formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `json`: the row of a DELETE is in `old`.
    Json,
    /// `json_c`: the row of a DELETE is in `data`.
    JsonC,
}

/// One record as it comes from Kafka.
#[derive(Debug, Clone)]
pub struct Record {
    /// Where it was.
    pub place: Place,
    /// Key.
    pub key: Option<Vec<u8>>,
    /// Value.
    pub value: Vec<u8>,
}

/// Where a record was.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Topic.
    pub topic: Arc<str>,
    /// Partition.
    pub partition: i32,
    /// Offset.
    pub offset: i64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]@{}", self.topic, self.partition, self.offset)
    }
}

/// `type` of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Row of the full phase.
    Init,
    /// Structure of the full phase.
    InitDdl,
    /// Inserted row.
    Insert,
    /// Changed row.
    Update,
    /// Deleted row.
    Delete,
    /// Statement on a structure.
    Ddl,
}

impl Kind {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "INIT" => Self::Init,
            "INIT_DDL" => Self::InitDdl,
            "INSERT" => Self::Insert,
            "UPDATE" => Self::Update,
            "DELETE" => Self::Delete,
            "DDL" => Self::Ddl,
            _ => return None,
        })
    }

    /// As messages spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Init => "INIT",
            Self::InitDdl => "INIT_DDL",
            Self::Insert => "INSERT",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Ddl => "DDL",
        }
    }

    /// Carries a statement instead of a row.
    pub fn is_statement(self) -> bool {
        matches!(self, Self::InitDdl | Self::Ddl)
    }

    /// A change of a row in the incremental phase.
    pub fn is_change(self) -> bool {
        matches!(self, Self::Insert | Self::Update | Self::Delete)
    }
}

/// A row image: texts by column, `None` for NULL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Column names in message order.
    pub columns: Arc<[Box<str>]>,
    /// One text per column.
    pub values: Box<[Option<Box<str>>]>,
}

impl Image {
    /// The text of a column; outer `None` if there is no such column.
    pub fn get(&self, column: &str) -> Option<Option<&str>> {
        let place = self.columns.iter().position(|c| &**c == column)?;
        self.values.get(place).map(Option::as_deref)
    }

    /// A column read as a number.
    pub fn number(&self, column: &str) -> Option<i64> {
        self.get(column)??.parse().ok()
    }

    /// Columns and texts in message order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.columns.iter().map(|c| &**c).zip(self.values.iter().map(Option::as_deref))
    }
}

/// What a message says of the table besides the row.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Name, MySQL type name and type code of each column.
    pub columns: Vec<(String, String, i64)>,
    /// `pkNames`.
    pub primary_key: Vec<String>,
}

/// A parsed message.
#[derive(Debug, Clone)]
pub struct Message {
    /// Where it was.
    pub place: Place,
    /// Record key.
    pub key: Option<Box<[u8]>>,
    /// `id`
    pub id: u64,
    /// `es`, milliseconds.
    pub es: i64,
    /// `ts`, milliseconds.
    pub ts: i64,
    /// `database`
    pub database: Arc<str>,
    /// `table`
    pub table: Arc<str>,
    /// `type`
    pub kind: Kind,
    /// `sql`
    pub sql: Box<str>,
    /// Table description; empty for statements.
    pub shape: Arc<Shape>,
    /// Row before the change (UPDATE, DELETE).
    pub before: Option<Image>,
    /// Row after the change (INIT, INSERT, UPDATE).
    pub after: Option<Image>,
}

impl Message {
    /// `database.table`
    pub fn table_name(&self) -> String {
        format!("{}.{}", self.database, self.table)
    }
}

/// Members of a JSON object in their order, refusing a name given twice.
#[derive(Debug)]
struct Members<T>(Vec<(String, T)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Members<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for V<T> {
            type Value = Members<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members: Vec<(String, T)> = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, T>()? {
                    if members.iter().any(|(n, _)| *n == name) {
                        return Err(serde::de::Error::custom(format!("member {name} twice")));
                    }
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(V(std::marker::PhantomData))
    }
}

/// Reads a field that may be null but must be there.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(d: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(d)
}

type Rows = Vec<Members<Option<String>>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Wire {
    #[serde(deserialize_with = "present")]
    mysql_type: Option<Members<String>>,
    id: u64,
    es: i64,
    ts: i64,
    database: String,
    table: String,
    #[serde(rename = "type")]
    kind: String,
    is_ddl: bool,
    sql: String,
    #[serde(deserialize_with = "present")]
    sql_type: Option<Members<i64>>,
    #[serde(deserialize_with = "present")]
    data: Option<Rows>,
    #[serde(deserialize_with = "present")]
    old: Option<Rows>,
    #[serde(deserialize_with = "present")]
    pk_names: Option<Vec<String>>,
}

/// Parses messages and shares what many of them have in common.
#[derive(Debug)]
pub struct Parser {
    format: Format,
    names: HashMap<String, Arc<str>>,
    columns: HashMap<Vec<String>, Arc<[Box<str>]>>,
    shapes: HashMap<Shape, Arc<Shape>>,
}

impl Parser {
    /// A parser of one format.
    pub fn new(format: Format) -> Self {
        Self { format, names: HashMap::new(), columns: HashMap::new(), shapes: HashMap::new() }
    }

    /// Parses one record.
    ///
    /// # Errors
    /// What of the promised form does not hold.
    pub fn parse(&mut self, record: Record) -> Result<Message, String> {
        let wire: Wire = serde_json::from_slice(&record.value).map_err(|e| {
            format!(
                "{e} in {}",
                String::from_utf8_lossy(&record.value).chars().take(400).collect::<String>()
            )
        })?;
        let kind = Kind::parse(&wire.kind)
            .ok_or_else(|| format!("type {} is not one of the six known", wire.kind))?;
        if wire.is_ddl != kind.is_statement() {
            return Err(format!("isDdl is {} in a message of type {}", wire.is_ddl, wire.kind));
        }
        if kind.is_statement() == wire.sql.is_empty() {
            return Err(format!("sql is {:?} in a message of type {}", wire.sql, wire.kind));
        }
        let (before, after) = self.images(kind, wire.data, wire.old)?;
        let shape = self.shape(kind, wire.mysql_type, wire.sql_type, wire.pk_names)?;
        for image in before.iter().chain(&after) {
            let names = shape.columns.iter().map(|(name, _, _)| name.as_str());
            if !names.eq(image.columns.iter().map(|c| &**c)) {
                return Err("mysqlType and the row image name different columns".into());
            }
        }
        Ok(Message {
            place: record.place,
            key: record.key.map(Vec::into_boxed_slice),
            id: wire.id,
            es: wire.es,
            ts: wire.ts,
            database: self.name(wire.database),
            table: self.name(wire.table),
            kind,
            sql: wire.sql.into_boxed_str(),
            shape,
            before,
            after,
        })
    }

    fn name(&mut self, name: String) -> Arc<str> {
        Arc::clone(self.names.entry(name).or_insert_with_key(|n| Arc::from(n.as_str())))
    }

    fn images(
        &mut self,
        kind: Kind,
        data: Option<Rows>,
        old: Option<Rows>,
    ) -> Result<(Option<Image>, Option<Image>), String> {
        let data = self.image(data)?;
        let old = self.image(old)?;
        let fits = |wanted: (bool, bool)| {
            let found = (data.is_some(), old.is_some());
            if found == wanted {
                Ok(())
            } else {
                Err(format!("{} has (data, old) = {found:?}, not {wanted:?}", kind.name()))
            }
        };
        match (kind, self.format) {
            (Kind::Init | Kind::Insert, _) => fits((true, false)).map(|()| (None, data)),
            (Kind::Update, _) => fits((true, true)).map(|()| (old, data)),
            (Kind::Delete, Format::Json) => fits((false, true)).map(|()| (old, None)),
            (Kind::Delete, Format::JsonC) => fits((true, false)).map(|()| (data, None)),
            (Kind::InitDdl | Kind::Ddl, _) => fits((false, false)).map(|()| (None, None)),
        }
    }

    fn image(&mut self, rows: Option<Rows>) -> Result<Option<Image>, String> {
        let Some(rows) = rows else { return Ok(None) };
        let count = rows.len();
        let mut rows = rows.into_iter();
        let (Some(row), None) = (rows.next(), rows.next()) else {
            return Err(format!("{count} rows in one message, not 1"));
        };
        let (names, values): (Vec<String>, Vec<Option<Box<str>>>) =
            row.0.into_iter().map(|(n, v)| (n, v.map(String::into_boxed_str))).unzip();
        let columns = self
            .columns
            .entry(names)
            .or_insert_with_key(|names| names.iter().map(|n| n.clone().into_boxed_str()).collect());
        Ok(Some(Image { columns: Arc::clone(columns), values: values.into_boxed_slice() }))
    }

    fn shape(
        &mut self,
        kind: Kind,
        mysql_type: Option<Members<String>>,
        sql_type: Option<Members<i64>>,
        pk_names: Option<Vec<String>>,
    ) -> Result<Arc<Shape>, String> {
        if !kind.is_statement() && (mysql_type.is_none() || sql_type.is_none()) {
            return Err(format!(
                "mysqlType or sqlType is null in a message of type {}",
                kind.name()
            ));
        }
        let names = mysql_type.map_or_else(Vec::new, |m| m.0);
        let codes = sql_type.map_or_else(Vec::new, |m| m.0);
        if !names.iter().map(|(n, _)| n).eq(codes.iter().map(|(n, _)| n)) {
            return Err("mysqlType and sqlType name different columns".into());
        }
        let columns = names.into_iter().zip(codes).map(|((n, t), (_, c))| (n, t, c)).collect();
        let shape = Shape { columns, primary_key: pk_names.unwrap_or_default() };
        Ok(Arc::clone(self.shapes.entry(shape).or_insert_with_key(|s| Arc::new(s.clone()))))
    }
}
