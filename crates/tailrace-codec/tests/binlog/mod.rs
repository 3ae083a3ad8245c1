mod expected;
mod hostile;
mod metadata;
mod print;
mod replay;
mod replayed_tables;
mod transactions;
