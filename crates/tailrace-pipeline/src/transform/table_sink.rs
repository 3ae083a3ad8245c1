//! How rows of one table version become messages: what is compiled once per version.

use std::borrow::Cow;
use std::sync::Arc;

use tailrace_codec::encode::{
    AvroEncoder, AvroSchemas, CanalEncoder, DebeziumEncoder, EncodeError, Format, MaxwellEncoder,
    RowEncoder,
};
use tailrace_codec::{Cell, TableSchema};

use crate::error::{Error, ErrorKind, Result};
use crate::job::{ChangeKinds, HeaderSet, JobSpec, MessageFormat};
use crate::mapping::{Moment, View};
use crate::transform::dead_letter::DeadLetters;
use crate::transform::headers::version_of;
use crate::transform::route::{Router, Spread, TableRoute};

/// What Debezium's events name as what wrote them.
const VERSION: &str = concat!("tailrace-", env!("CARGO_PKG_VERSION"));

/// Everything needed to turn rows of one table version into messages. Compiled once per version.
pub(crate) struct TableSink {
    /// As it is at the source.
    pub(super) schema: Arc<TableSchema>,
    pub(super) view: View,
    pub(super) kinds: ChangeKinds,
    pub(super) form: RowForm,
    /// What writes keys, where that is not what writes rows: DRS's and Canal's rows name the primary key.
    pub(super) key_form: Option<RowForm>,
    /// Ordinals in messages of the key's columns.
    pub(super) key_columns: Vec<usize>,
    pub(super) route: TableRoute,
    /// Where changes go that cannot be delivered, if there is such a place.
    pub(super) dead_letters: Option<DeadLetters>,
    /// A deleted row's message is followed by a tombstone.
    pub(super) tombstones: bool,
    /// Database and table as messages name them.
    pub(super) name: Arc<str>,
    /// Which columns it has, where headers say it.
    pub(super) version: String,
}

/// A row before and behind a change, as messages have it.
pub(super) type BothImages<'r> = (Cow<'r, [Cell<'r>]>, Cow<'r, [Cell<'r>]>);

/// How rows become messages.
pub(super) enum RowForm {
    Drs(RowEncoder),
    Debezium(DebeziumEncoder),
    Canal(CanalEncoder),
    Maxwell(MaxwellEncoder),
    Avro(AvroEncoder),
}

impl RowForm {
    /// Whether the row's key is the message's whatever decides the partition: `None` if it is not, else whether rows of
    /// the table have one.
    pub(super) fn row_key(&self) -> Option<bool> {
        match self {
            Self::Drs(_) | Self::Canal(_) => None,
            Self::Debezium(encoder) => Some(encoder.has_primary_key()),
            Self::Maxwell(encoder) => Some(encoder.has_primary_key()),
            Self::Avro(encoder) => Some(encoder.has_primary_key()),
        }
    }

    fn push_key(&self, out: &mut Vec<u8>, row: &[Cell<'_>]) -> Result<()> {
        match self {
            Self::Drs(encoder) => encoder.encode_key(out, row),
            Self::Debezium(encoder) => encoder.encode_key(out, row),
            Self::Canal(encoder) => encoder.encode_key(out, row),
            Self::Maxwell(encoder) => encoder.encode_key(out, row),
            Self::Avro(encoder) => encoder.encode_key(out, row),
        }
        .map_err(|e| unencodable(&e))
    }
}

impl TableSink {
    /// Compiles a table version; makes its topic if the policy says so.
    ///
    /// # Errors
    /// The router's errors, and `SchemaMismatch` for a schema that cannot be encoded.
    pub(crate) fn compile(
        schema: Arc<TableSchema>,
        router: &Router,
        job: &JobSpec,
    ) -> Result<Self> {
        let mut sink = Self::compile_without_letters(schema, router, job)?;
        let seen = sink.view.schema();
        let topics = router.dead_letters(seen)?;
        sink.dead_letters =
            topics.map(|topics| DeadLetters::compile(seen, &job.job_id, topics)).transpose()?;
        Ok(sink)
    }

    /// The same of a table whose rows are read and not delivered.
    ///
    /// # Errors
    /// As [`TableSink::compile`].
    pub(crate) fn compile_without_letters(
        schema: Arc<TableSchema>,
        router: &Router,
        job: &JobSpec,
    ) -> Result<Self> {
        let view = job.mappings.view(&schema)?;
        let (seen, keyed) = (view.schema(), view.keyed());
        let route = router.table(&keyed)?;
        let drs = |format| -> std::result::Result<_, EncodeError> {
            let form = |schema| RowEncoder::compile(schema, format).map(RowForm::Drs);
            Ok((form(seen)?, view.has_chosen_key().then(|| form(&keyed)).transpose()?))
        };
        let alone = |form| (form, None);
        let (source, modes) = ((job.job_id.as_str(), VERSION), job.policy.debezium);
        let (form, key_form) = match job.policy.format {
            MessageFormat::Json => drs(Format::Json),
            MessageFormat::JsonC => drs(Format::JsonC),
            MessageFormat::Debezium => {
                DebeziumEncoder::compile(&keyed, source, modes).map(RowForm::Debezium).map(alone)
            }
            MessageFormat::Avro => {
                let schemas = AvroSchemas::of_table(&keyed, modes).map_err(|e| unfit(&e))?;
                let ids = router.schema_ids(&keyed, &schemas)?;
                AvroEncoder::compile(&keyed, source, ids, modes).map(RowForm::Avro).map(alone)
            }
            MessageFormat::Canal => CanalEncoder::compile(seen).and_then(|form| {
                let key =
                    view.has_chosen_key().then(|| CanalEncoder::compile(&keyed)).transpose()?;
                Ok((RowForm::Canal(form), key.map(RowForm::Canal)))
            }),
            MessageFormat::Maxwell => {
                MaxwellEncoder::compile(&keyed).map(RowForm::Maxwell).map(alone)
            }
        }
        .map_err(|e| unfit(&e))?;
        let key_columns = keyed.primary_key.clone();
        let keyed = form.row_key().unwrap_or(route.spread == Spread::PrimaryKey);
        let tombstones = keyed && job.policy.tombstones;
        let name = seen.full_name().into();
        let version = match job.policy.headers {
            HeaderSet::Source => version_of(seen),
            HeaderSet::None | HeaderSet::CloudEvents => String::new(),
        };
        let kinds = job.policy.kinds;
        Ok(Self {
            form,
            key_form,
            key_columns,
            route,
            tombstones,
            name,
            version,
            kinds,
            dead_letters: None,
            view,
            schema,
        })
    }

    pub(super) fn push_key(&self, out: &mut Vec<u8>, row: &[Cell<'_>]) -> Result<()> {
        self.key_form.as_ref().unwrap_or(&self.form).push_key(out, row)
    }

    /// Both images of a changed row, as messages have them.
    ///
    /// # Errors
    /// As [`View::row`].
    pub(super) fn images<'r>(
        &'r self,
        changed_us: i64,
        before: &'r [Cell<'_>],
        after: &'r [Cell<'_>],
    ) -> Result<BothImages<'r>> {
        let moment = Moment { changed_us, is_first: false };
        Ok((self.view.row(before, moment)?, self.view.row(after, moment)?))
    }

    /// Each partition, or key, tells the whole story of a row.
    pub(super) fn is_keyed(&self) -> bool {
        self.route.spread == Spread::PrimaryKey || self.form.row_key() == Some(true)
    }

    /// The table version, as it is at the source.
    pub(crate) fn schema(&self) -> &Arc<TableSchema> {
        &self.schema
    }
}

fn unfit(e: &EncodeError) -> Error {
    Error::new(ErrorKind::SchemaMismatch, e.to_string())
}

pub(super) fn unencodable(e: &EncodeError) -> Error {
    Error::new(ErrorKind::Decode, e.to_string())
}
