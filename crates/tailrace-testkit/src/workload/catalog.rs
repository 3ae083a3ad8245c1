//! The tables that the load writes to: every kind of key and every column type of MySQL 9.7.

use rand::RngExt as _;
use rand::rngs::StdRng;

use super::literals::{self as l, Literal, hex, quoted};

/// Which database a table is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Place {
    /// Selected as a whole.
    Whole,
    /// Selected table by table, and this table is.
    Chosen,
    /// In the database selected table by table, and this table is not.
    NotChosen,
    /// In a database that is not selected.
    Outside,
}

/// How a table's rows are found again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    /// A number in `id`.
    Number,
    /// Given by the server.
    Automatic,
    /// Three columns, in another order than they are declared.
    Composite,
    /// A text that a collation without case and accents compares.
    TextWithoutCase,
    /// A text compared by code points.
    TextExact,
    /// Bytes.
    Bytes,
    /// A point in time with microseconds.
    Time,
    /// A number that is not unique: `tag`.
    None,
}

/// One table.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) place: Place,
    pub(super) key: Key,
    /// Key columns and what else stands in `CREATE TABLE`, besides [`Self::columns`].
    definition: &'static str,
    tail: &'static str,
    columns: &'static [(&'static str, &'static str, Literal)],
    /// Share of the load.
    pub(super) weight: u32,
}

impl Table {
    /// `CREATE TABLE`.
    pub(super) fn create(&self, database: &str) -> String {
        let columns: Vec<String> = self
            .columns
            .iter()
            .map(|(name, kind, _)| format!("{}, ", column(name, kind)))
            .collect();
        let (head, tail) = (self.definition, self.tail);
        let head = head.replace("{columns}", &columns.concat());
        format!("CREATE TABLE `{database}`.`{}` ({head}){tail}", self.name)
    }

    /// Columns of an `INSERT` besides the key, `version` and `txn`, each with a value.
    pub(super) fn values(&self, rng: &mut StdRng) -> Vec<(&'static str, String)> {
        self.columns
            .iter()
            .filter(|(name, _, _)| !self.key_columns().contains(name))
            .map(|(name, _, literal)| (*name, l::nullable(rng, *literal)))
            .collect()
    }

    /// Key columns.
    pub(super) fn key_columns(&self) -> &'static [&'static str] {
        match self.key {
            Key::Number | Key::Automatic => &["id"],
            Key::Composite => &["shard", "region", "seq"],
            Key::TextWithoutCase | Key::TextExact | Key::Bytes => &["code"],
            Key::Time => &["at"],
            Key::None => &["tag"],
        }
    }

    /// A key that no number gives twice, as literals.
    pub(super) fn key(&self, rng: &mut StdRng, number: u64) -> Vec<String> {
        match self.key {
            Key::Number | Key::None | Key::Automatic => vec![number.to_string()],
            Key::Composite => {
                let region = ["eu-west", "EU-WEST", "ap, \"south\"", "日本"];
                let place = usize::try_from(number % 4).unwrap_or(0);
                vec![(number % 7).to_string(), quoted(region[place]), number.to_string()]
            }
            Key::TextWithoutCase => vec![quoted(&other_case(rng, &format!("Éclair-{number}-key")))],
            // Upper and lower case of one word are two keys here.
            Key::TextExact => {
                let word = if number.is_multiple_of(2) { "key" } else { "KEY" };
                vec![quoted(&format!("{word}'{}\\é", number / 2))]
            }
            Key::Bytes => {
                let mut bytes = number.to_be_bytes().to_vec();
                bytes.extend([0, 0xFF]);
                vec![hex(&bytes)]
            }
            Key::Time => vec![quoted(&moment(number))],
        }
    }
}

/// Each letter in upper or lower case.
pub(super) fn other_case(rng: &mut StdRng, text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let upper = rng.random_bool(0.5);
            let mut chars = c.to_uppercase().collect::<Vec<_>>();
            if !upper {
                chars = c.to_lowercase().collect();
            }
            chars
        })
        .collect()
}

/// A different point in time for each number: microseconds count up, the rest is spread.
fn moment(number: u64) -> String {
    let (day, month, year) = (number % 28 + 1, number / 28 % 12 + 1, 1990 + number / 336 % 40);
    let micros = number % 1_000_000;
    let seconds = number / 1_000_000;
    format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}.{micros:06}",
        seconds / 3600 % 24,
        seconds / 60 % 60,
        seconds % 60
    )
}

fn column(name: &str, kind: &str) -> String {
    format!("`{}` {kind}", name.replace('`', "``"))
}

type Columns = &'static [(&'static str, &'static str, Literal)];

const PLAIN: Columns = &[
    ("name", "VARCHAR(100)", l::text),
    ("qty", "INT", l::int),
    ("price", "DECIMAL(12,2)", l::decimal_12_2),
    ("note", "TEXT", l::text),
];

const EVERY_TYPE: Columns = &[
    ("t_tiny", "TINYINT", l::tinyint),
    ("t_tiny_u", "TINYINT UNSIGNED", l::tinyint_unsigned),
    ("t_bool", "BOOLEAN", l::bit1),
    ("t_small", "SMALLINT", l::smallint),
    ("t_small_u", "SMALLINT UNSIGNED", l::smallint_unsigned),
    ("t_medium", "MEDIUMINT", l::mediumint),
    ("t_medium_u", "MEDIUMINT UNSIGNED", l::mediumint_unsigned),
    ("t_int", "INT", l::int),
    ("t_int_u", "INT UNSIGNED", l::int_unsigned),
    ("t_zerofill", "INT(9) ZEROFILL", l::smallint_unsigned),
    ("t_big", "BIGINT", l::bigint),
    ("t_big_u", "BIGINT UNSIGNED", l::bigint_unsigned),
    ("t_dec_max", "DECIMAL(65,30)", l::decimal_65_30),
    ("t_dec_whole", "DECIMAL(10,0)", l::decimal_10_0),
    ("t_dec_small", "DECIMAL(5,5)", l::decimal_5_5),
    ("t_float", "FLOAT", l::float),
    ("t_float_u", "FLOAT UNSIGNED", l::float_unsigned),
    ("t_double", "DOUBLE", l::double),
    ("t_bit1", "BIT(1)", l::bit1),
    ("t_bit17", "BIT(17)", l::bit17),
    ("t_bit64", "BIT(64)", l::bit64),
    ("t_date", "DATE", l::date),
    ("t_time", "TIME", l::time0),
    ("t_time1", "TIME(1)", l::time1),
    ("t_time3", "TIME(3)", l::time3),
    ("t_time6", "TIME(6)", l::time6),
    ("t_datetime", "DATETIME", l::datetime0),
    ("t_datetime1", "DATETIME(1)", l::datetime1),
    ("t_datetime3", "DATETIME(3)", l::datetime3),
    ("t_datetime6", "DATETIME(6)", l::datetime6),
    ("t_timestamp", "TIMESTAMP NULL", l::timestamp0),
    ("t_timestamp1", "TIMESTAMP(1) NULL", l::timestamp1),
    ("t_timestamp3", "TIMESTAMP(3) NULL", l::timestamp3),
    ("t_timestamp6", "TIMESTAMP(6) NULL", l::timestamp6),
    ("t_year", "YEAR", l::year),
    ("t_char", "CHAR(20)", l::char20),
    ("t_varchar", "VARCHAR(250)", l::text),
    ("t_varchar_long", "VARCHAR(400)", l::text),
    ("t_binary", "BINARY(16)", l::binary16),
    ("t_varbinary", "VARBINARY(40)", l::bytes40),
    ("t_tinyblob", "TINYBLOB", l::bytes40),
    ("t_blob", "BLOB", l::blob),
    ("t_mediumblob", "MEDIUMBLOB", l::blob),
    ("t_longblob", "LONGBLOB", l::blob),
    ("t_tinytext", "TINYTEXT", l::char20),
    ("t_text", "TEXT", l::text),
    ("t_mediumtext", "MEDIUMTEXT", l::long_text),
    ("t_longtext", "LONGTEXT", l::long_text),
    ("t_enum", "ENUM('new','in work','ü','x''y')", l::enumeration),
    ("t_set", SET_64, l::set64),
    ("t_json", "JSON", l::json),
    ("t_geometry", "GEOMETRY", l::point),
    ("t_point", "POINT", l::point),
    ("t_linestring", "LINESTRING", l::linestring),
    ("t_polygon", "POLYGON", l::polygon),
    ("t_multipoint", "MULTIPOINT", l::multipoint),
    ("t_multilinestring", "MULTILINESTRING", l::multilinestring),
    ("t_multipolygon", "MULTIPOLYGON", l::multipolygon),
    ("t_geometries", "GEOMETRYCOLLECTION", l::geometries),
    ("t_vector", "VECTOR(3)", l::vector3),
    ("t_invisible", "INT INVISIBLE", l::int),
    ("größe \"in\" \\cm", "INT", l::smallint),
    ("select", "VARCHAR(100)", l::char20),
];

const SET_64: &str = "SET('m0','m1','m2','m3','m4','m5','m6','m7','m8','m9','m10','m11','m12','m13','m14',\
    'm15','m16','m17','m18','m19','m20','m21','m22','m23','m24','m25','m26','m27','m28','m29','m30','m31',\
    'm32','m33','m34','m35','m36','m37','m38','m39','m40','m41','m42','m43','m44','m45','m46','m47','m48',\
    'm49','m50','m51','m52','m53','m54','m55','m56','m57','m58','m59','m60','m61','m62','m63')";

const CHARSETS: Columns = &[
    ("c_ascii", "VARCHAR(60) CHARACTER SET ascii", l::ascii),
    ("c_latin1", "VARCHAR(60) CHARACTER SET latin1", l::latin1),
    ("c_latin2", "VARCHAR(60) CHARACTER SET latin2", l::latin2),
    ("c_cp1251", "VARCHAR(60) CHARACTER SET cp1251", l::cp1251),
    ("c_koi8r", "VARCHAR(60) CHARACTER SET koi8r", l::koi8r),
    ("c_greek", "VARCHAR(60) CHARACTER SET greek", l::greek),
    ("c_hebrew", "VARCHAR(60) CHARACTER SET hebrew", l::hebrew),
    ("c_tis620", "VARCHAR(60) CHARACTER SET tis620", l::tis620),
    ("c_gbk", "VARCHAR(60) CHARACTER SET gbk", l::gbk),
    ("c_gb2312", "VARCHAR(60) CHARACTER SET gb2312", l::gbk),
    ("c_gb18030", "VARCHAR(60) CHARACTER SET gb18030", l::any),
    ("c_big5", "VARCHAR(60) CHARACTER SET big5", l::big5),
    ("c_euckr", "VARCHAR(60) CHARACTER SET euckr", l::euckr),
    ("c_sjis", "VARCHAR(60) CHARACTER SET sjis", l::sjis),
    ("c_cp932", "VARCHAR(60) CHARACTER SET cp932", l::sjis),
    ("c_ujis", "VARCHAR(60) CHARACTER SET ujis", l::sjis),
    ("c_utf8mb3", "VARCHAR(60) CHARACTER SET utf8mb3", l::bmp),
    ("c_ucs2", "VARCHAR(60) CHARACTER SET ucs2", l::bmp),
    ("c_utf16", "VARCHAR(60) CHARACTER SET utf16", l::any),
    ("c_utf16le", "VARCHAR(60) CHARACTER SET utf16le", l::any),
    ("c_utf32", "VARCHAR(60) CHARACTER SET utf32", l::any),
    ("c_text", "TEXT CHARACTER SET latin1", l::latin1),
    ("c_char", "CHAR(60) CHARACTER SET gbk", l::gbk),
    ("c_enum", "ENUM('new','in work','ü','x''y') CHARACTER SET latin1", l::enumeration),
];

const NUMBER_KEY: &str = "`id` INT NOT NULL, {columns}`version` BIGINT NOT NULL, `txn` BIGINT NOT NULL, PRIMARY KEY (`id`)";
const CODE_KEY: &str =
    "{columns}`version` BIGINT NOT NULL, `txn` BIGINT NOT NULL, PRIMARY KEY (`code`)";

/// All tables of the load besides those of [`super::ddl`].
pub(super) const TABLES: &[Table] = &[
    Table {
        name: "int_pk",
        place: Place::Whole,
        key: Key::Number,
        definition: NUMBER_KEY,
        tail: "",
        columns: PLAIN,
        weight: 6,
    },
    Table {
        name: "auto_pk",
        place: Place::Chosen,
        key: Key::Automatic,
        definition: "`id` BIGINT UNSIGNED NOT NULL AUTO_INCREMENT, {columns}`version` BIGINT NOT NULL, \
            `txn` BIGINT NOT NULL, PRIMARY KEY (`id`)",
        tail: "",
        columns: PLAIN,
        weight: 6,
    },
    Table {
        name: "composite_pk",
        place: Place::Whole,
        key: Key::Composite,
        definition: "`region` VARCHAR(40) NOT NULL, `version` BIGINT NOT NULL, `seq` BIGINT NOT NULL, \
            {columns}`txn` BIGINT NOT NULL, `shard` SMALLINT NOT NULL, PRIMARY KEY (`shard`, `region`, `seq`)",
        tail: " COLLATE utf8mb4_bin",
        columns: PLAIN,
        weight: 4,
    },
    Table {
        name: "ci_pk",
        place: Place::Whole,
        key: Key::TextWithoutCase,
        definition: CODE_KEY,
        tail: " COLLATE utf8mb4_0900_ai_ci",
        columns: &[("note", "TEXT", l::text), ("code", "VARCHAR(60) NOT NULL", l::text)],
        weight: 4,
    },
    Table {
        name: "general_ci_pk",
        place: Place::Chosen,
        key: Key::TextWithoutCase,
        definition: CODE_KEY,
        tail: " CHARACTER SET latin1 COLLATE latin1_swedish_ci",
        columns: &[("note", "VARCHAR(60)", l::latin1), ("code", "VARCHAR(60) NOT NULL", l::text)],
        weight: 2,
    },
    Table {
        name: "bin_pk",
        place: Place::Chosen,
        key: Key::TextExact,
        definition: CODE_KEY,
        tail: " COLLATE utf8mb4_bin",
        columns: &[("code", "VARCHAR(60) NOT NULL", l::text), ("note", "TEXT", l::text)],
        weight: 4,
    },
    Table {
        name: "varbinary_pk",
        place: Place::Whole,
        key: Key::Bytes,
        definition: CODE_KEY,
        tail: "",
        columns: &[("code", "VARBINARY(24) NOT NULL", l::bytes40), ("body", "BLOB", l::bytes40)],
        weight: 3,
    },
    Table {
        name: "datetime_pk",
        place: Place::Whole,
        key: Key::Time,
        definition: "`at` DATETIME(6) NOT NULL, {columns}`version` BIGINT NOT NULL, `txn` BIGINT NOT NULL, \
            PRIMARY KEY (`at`)",
        tail: "",
        columns: PLAIN,
        weight: 3,
    },
    Table {
        name: "no_pk",
        place: Place::Whole,
        key: Key::None,
        definition: "`tag` BIGINT NOT NULL, {columns}`version` BIGINT NOT NULL, `txn` BIGINT NOT NULL, KEY (`tag`)",
        tail: "",
        columns: PLAIN,
        weight: 3,
    },
    Table {
        name: "unique_only",
        place: Place::Chosen,
        key: Key::None,
        // A unique key is not a primary key, and one that allows NULL is no key at all.
        definition: "`tag` BIGINT NOT NULL, {columns}`version` BIGINT NOT NULL, `txn` BIGINT NOT NULL, \
            `serial` BIGINT NOT NULL AUTO_INCREMENT, UNIQUE KEY (`serial`), KEY (`tag`)",
        tail: "",
        columns: PLAIN,
        weight: 2,
    },
    Table {
        name: "every_type",
        place: Place::Whole,
        key: Key::Number,
        definition: "`id` INT NOT NULL, {columns}\
            `g_stored` INT GENERATED ALWAYS AS (`id` + 1) STORED, \
            `g_virtual` VARCHAR(50) GENERATED ALWAYS AS (CONCAT('v', `t_small`)) VIRTUAL, \
            `version` BIGINT NOT NULL, `txn` BIGINT NOT NULL, PRIMARY KEY (`id`)",
        tail: "",
        columns: EVERY_TYPE,
        weight: 6,
    },
    Table {
        name: "charsets",
        place: Place::Chosen,
        key: Key::Number,
        definition: NUMBER_KEY,
        tail: "",
        columns: CHARSETS,
        weight: 4,
    },
    Table {
        name: "order",
        place: Place::Whole,
        key: Key::Number,
        definition: "`id` INT NOT NULL, {columns}`version` BIGINT NOT NULL, `txn` BIGINT NOT NULL, \
            PRIMARY KEY (`id`), KEY `functional` ((`qty` % 10)), KEY `parts` (`name`(8))",
        tail: " PARTITION BY HASH(`id`) PARTITIONS 4",
        columns: PLAIN,
        weight: 2,
    },
    Table {
        name: "not_chosen",
        place: Place::NotChosen,
        key: Key::Number,
        definition: NUMBER_KEY,
        tail: "",
        columns: EVERY_TYPE,
        weight: 2,
    },
    Table {
        name: "outside",
        place: Place::Outside,
        key: Key::Number,
        definition: NUMBER_KEY,
        tail: "",
        columns: PLAIN,
        weight: 2,
    },
];
