use super::changes::Pieces;
use super::*;

const T1: Xid = Xid { segment: 1, slot: 2, sequence: 3 };
const T2: Xid = Xid { segment: 1, slot: 9, sequence: 4 };

fn row(
    scn: u64,
    xid: Xid,
    operation: u16,
    row_id: &'static str,
    sql: &'static str,
) -> RedoRow<'static> {
    RedoRow { scn, xid, operation, table: Some(7), row_id, is_rollback: false, goes_on: false, sql }
}

/// What rows are told as.
fn told(assembly: &mut Assembly<Pieces>, rows: &[RedoRow<'_>]) -> Vec<String> {
    let mut out = Vec::new();
    for row in rows {
        match assembly.push(row).unwrap() {
            Assembled::Nothing => {}
            Assembled::BeganBefore { xid, scn } => out.push(format!("{scn} {xid} began before")),
            Assembled::Definition { table, scn, sql } => {
                out.push(format!("{scn} DDL {table} {sql}"));
            }
            Assembled::Committed { xid, scn, begun, mut changes, .. } => {
                let mut sqls = Vec::new();
                changes
                    .for_each(|change| {
                        sqls.push(change.sql.to_owned());
                        Ok(())
                    })
                    .unwrap();
                out.push(format!("{scn} {xid} from {begun}: {}", sqls.join(",")));
            }
        }
    }
    out
}

#[test]
fn transactions_come_whole_in_the_order_of_their_commits() {
    let mut assembly = Assembly::new(1000);
    let undo = |one: RedoRow<'static>| RedoRow { is_rollback: true, ..one };
    let rows = [
        row(10, T1, 6, "", "set transaction read write;"),
        row(11, T1, 1, "A", "i1"),
        row(12, T2, 6, "", ""),
        row(12, T2, 3, "B", "u1"),
        row(13, T1, 3, "A", "u2"),
        undo(row(14, T1, 3, "A", "u2 back")),
        RedoRow { table: None, ..row(15, T1, 1, "Z", "of another table") },
        row(15, T1, 0, "", ""),
        row(16, T2, 7, "", "commit;"),
        row(17, T1, 2, "C", "d1"),
        row(18, T1, 7, "", "commit;"),
        row(19, T2, 1, "B", "i2"),
        row(20, T2, 36, "", "rollback;"),
        row(22, T1, 5, "", "ALTER TABLE \"S\".\"T\" ADD (X NUMBER)"),
    ];
    assert_eq!(
        told(&mut assembly, &rows),
        [
            "16 1.9.4 from 12: u1",
            "18 1.2.3 from 10: i1,d1",
            "22 DDL 7 ALTER TABLE \"S\".\"T\" ADD (X NUMBER)"
        ]
    );
    assert_eq!(assembly.oldest_open(), None);
}

#[test]
fn what_is_open_is_known_and_can_be_put_aside() {
    let mut assembly = Assembly::<Pieces>::new(PIECE_BYTES * 2);
    let sql: &'static str = Box::leak("x".repeat(PIECE_BYTES - 200).into_boxed_str());
    told(
        &mut assembly,
        &[row(5, T2, 1, "B", "small"), row(7, T1, 1, "A", sql), row(8, T1, 1, "B", sql)],
    );
    assert_eq!(assembly.oldest_open(), Some(5));
    let mut open: Vec<_> = assembly.open().collect();
    open.sort_unstable();
    assert_eq!(open, [(T1, 7, 2), (T2, 5, 1)]);
    let before = assembly.memory_bytes();
    let freed = assembly.put_largest_aside(|| Ok(Pieces::default())).unwrap();
    assert!(freed >= PIECE_BYTES - 200 && assembly.memory_bytes() == before - freed);
    let committed = told(&mut assembly, &[row(9, T1, 7, "", "")]);
    assert!(committed[0].starts_with("9 1.2.3 from 7: x"));
}

#[test]
fn statements_in_several_rows_and_rows_that_tell_nothing() {
    let mut assembly = Assembly::<Pieces>::new(20);
    let open = |one: RedoRow<'static>| RedoRow { goes_on: true, ..one };
    let rows = [
        open(row(1, T1, 3, "A", "update ")),
        row(1, T1, 3, "A", "rest"),
        row(2, T1, 25, "A", "select for update"),
        row(2, T1, 27, "", "marker"),
        row(3, T1, 7, "", "commit"),
    ];
    assert_eq!(told(&mut assembly, &rows), ["3 1.2.3 from 1: update rest"]);
    told(&mut assembly, &[row(4, T1, 6, "", "")]);
    for (bad, said) in [
        (row(4, T1, 34, "", ""), "SCN 4, transaction 1.2.3, operation 34: MISSING_SCN"),
        (row(4, T1, 255, "", "Unsupported"), "UNSUPPORTED"),
        (row(4, T1, 68, "", ""), "operation 68: XML DOC"),
        (row(4, T1, 91, "A", "DECLARE"), "operation 91: EXTENDED_STRING: a VARCHAR2"),
        (row(4, T1, 12, "", ""), "not known"),
        (row(4, T1, 1, "A", "more than twenty bytes"), "more than 20 bytes"),
        (RedoRow { is_rollback: true, ..row(4, T1, 1, "A", "i") }, "takes back a change"),
    ] {
        let error = assembly.push(&bad).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
    let passed = RedoRow { table: None, ..row(4, T1, 255, "", "") };
    assert!(matches!(assembly.push(&passed), Ok(Assembled::Nothing)));
}

#[test]
fn what_is_taken_back_of_a_transaction_that_began_before_is_nothing() {
    let mut assembly = Assembly::<Pieces>::new(100);
    let undo = |one: RedoRow<'static>| RedoRow { is_rollback: true, ..one };
    // Its first row is older than where mining began: it has ended before anything that is still to be told.
    let rows = [
        row(5, T1, 1, "B", "i B"),
        undo(row(6, T1, 2, "B", "d B")),
        undo(row(7, T1, 2, "A", "d A")),
        row(8, T1, 36, "", "rollback"),
        row(9, T2, 6, "", "start"),
        row(9, T2, 1, "C", "i C"),
        row(10, T2, 7, "", "commit"),
    ];
    assert_eq!(told(&mut assembly, &rows), ["10 1.9.4 from 9: i C"]);
    assert_eq!(assembly.oldest_open(), None);
}

#[test]
fn steps_on_large_objects_have_a_row() {
    let other = |one: RedoRow<'static>| RedoRow { table: Some(8), ..one };
    let mut assembly = Assembly::<Pieces>::new(100);
    let rows = [
        row(1, T1, 6, "", ""),
        // Out of line: written before its row, without a locator.
        row(2, T1, 10, "", "write"),
        other(row(2, T1, 1, "O", "i O")),
        row(2, T1, 1, "A", "i A"),
        row(3, T1, 1, "B", "i B"),
        row(3, T1, 9, "B", "locator B"),
        row(3, T1, 10, "", "write"),
        row(3, T1, 11, "", "trim"),
        row(4, T1, 7, "", "commit"),
    ];
    // The row is told once more, as one whose large objects are to be read.
    assert_eq!(told(&mut assembly, &rows), ["4 1.2.3 from 1: i O,i A,,i B,locator B"]);
    let rows = [row(5, T1, 6, "", ""), row(6, T1, 1, "A", "i A"), row(6, T1, 10, "", "write")];
    told(&mut assembly, &rows);
    let error = assembly.push(&row(7, T1, 7, "", "commit")).unwrap_err().to_string();
    assert!(error.contains("SCN 7, transaction 1.2.3, operation 7: a step on a large"), "{error}");
    // One whose first row was not met.
    let rows = [row(8, T2, 10, "", "write"), row(9, T2, 7, "", "commit")];
    assert_eq!(told(&mut assembly, &rows), ["9 1.9.4 began before"]);
}

#[test]
fn what_began_before_the_first_row_is_told_as_such() {
    let mut assembly = Assembly::<Pieces>::new(1000);
    let undo = |one: RedoRow<'static>| RedoRow { is_rollback: true, ..one };
    let rows = [
        // Nothing but its end is there; then it begins anew, with nothing of the selected tables.
        row(1, T1, 7, "", "commit;"),
        row(2, T1, 6, "", "set transaction read write;"),
        RedoRow { table: None, ..row(2, T1, 1, "Z", "of another table") },
        row(3, T1, 7, "", "commit;"),
        // A part of it, and a part that is taken back.
        row(4, T2, 1, "A", "i1"),
        row(5, T2, 7, "", "commit;"),
        row(6, T1, 1, "A", "i2"),
        undo(row(7, T1, 2, "A", "d2")),
        row(8, T1, 7, "", "commit;"),
        // What was rolled back is of no interest.
        row(9, T2, 36, "", "rollback;"),
    ];
    assert_eq!(
        told(&mut assembly, &rows),
        ["1 1.2.3 began before", "5 1.9.4 from 4: i1", "8 1.2.3 began before"]
    );
}
