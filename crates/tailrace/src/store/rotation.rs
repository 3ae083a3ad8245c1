//! New keys for what is sealed. The server must not run meanwhile: it holds the old keys in memory.

use super::{SealedRow, Store, StoreError, StoreResult};
use crate::secret::{MasterKey, Place, SecretError, Vault};

fn secret_error(error: SecretError) -> StoreError {
    StoreError::damaged("sealed values", error)
}

/// Makes a new data key, seals every value with it, and removes the old ones; answers how many values
/// there are. If it breaks off, the old keys and values stay and a second call completes it.
///
/// # Errors
/// [`StoreError::Damaged`] if a value or key does not open, or what the engine fails with.
pub async fn rotate_data_key(store: &dyn Store, master: &MasterKey) -> StoreResult<usize> {
    let mut keys = store.data_keys().await?;
    let newest = keys.iter().map(|key| key.id).max().unwrap_or(0);
    let id = newest
        .checked_add(1)
        .ok_or_else(|| StoreError::damaged("data_keys.id", "no number is left"))?;
    let key = Vault::make_key(master, id).map_err(secret_error)?;
    keys.push(key.clone());
    let vault = Vault::open(master, &keys).map_err(secret_error)?;
    store.put_data_keys(&[key]).await?;
    let rows = store.sealed_rows().await?;
    let count = rows.len();
    let mut resealed = Vec::with_capacity(count);
    for row in rows {
        let place = Place { table: row.table.name(), row: &row.row, column: &row.column };
        if let Some(sealed) = vault.reseal(place, &row.sealed).map_err(secret_error)? {
            resealed.push(SealedRow { sealed, ..row });
        }
    }
    store.replace_sealed(&resealed, id).await?;
    Ok(count)
}

/// Wraps all data keys with another master key.
///
/// # Errors
/// [`StoreError::Damaged`] if `old` is not the key they are wrapped with.
pub async fn rewrap_data_keys(
    store: &dyn Store,
    old: &MasterKey,
    new: &MasterKey,
) -> StoreResult<()> {
    let keys = store.data_keys().await?;
    let rewrapped = keys
        .iter()
        .map(|key| Vault::rewrap(old, new, key).map_err(secret_error))
        .collect::<StoreResult<Vec<_>>>()?;
    store.put_data_keys(&rewrapped).await
}
