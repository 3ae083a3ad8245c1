// Does what applications do, with node-oracledb in its thin mode, and checks what comes back.
const assert = require('node:assert');
const oracledb = require('oracledb');

async function run() {
  const connectString = `127.0.0.1:${process.argv[2]}/standin`;
  const password = process.env.PASSWORD;
  await assert.rejects(oracledb.getConnection({ user: 'shop', password: 'wrong', connectString }), /ORA-01017/);
  const connection = await oracledb.getConnection({ user: 'shop', password, connectString });
  await assert.rejects(connection.execute('SELECT * FROM nothing'), /ORA-00942/);
  await connection.execute('CREATE TABLE bynode (id NUMBER(10) PRIMARY KEY, name VARCHAR2(20), ts TIMESTAMP(3), r RAW(4), t CLOB)');
  const at = new Date('2026-11-30T01:02:03.456Z');
  const rows = [];
  for (let i = 1; i <= 250; i++) rows.push([i, i % 2 ? `név ${i}` : null, at, Buffer.from([1, i]), `text ${i}`]);
  const inserted = await connection.executeMany('INSERT INTO bynode VALUES (:1, :2, :3, :4, :5)', rows);
  assert.equal(inserted.rowsAffected, 250);
  await connection.commit();
  oracledb.fetchAsString = [oracledb.CLOB];
  const found = await connection.execute('SELECT * FROM bynode WHERE id > :low ORDER BY id', { low: 100 }, { fetchArraySize: 40 });
  assert.equal(found.rows.length, 150);
  for (const [i, row] of found.rows.entries()) {
    assert.deepEqual([row[0], row[1], row[3], row[4]], [rows[100 + i][0], rows[100 + i][1], rows[100 + i][3], rows[100 + i][4]]);
  }
  await assert.rejects(connection.execute('INSERT INTO bynode (id) VALUES (1)'), /ORA-00001/);
  await connection.execute('DELETE FROM bynode');
  await connection.rollback();
  const count = await connection.execute('SELECT COUNT(*) FROM bynode');
  assert.deepEqual(count.rows, [[250]]);
  await connection.close();
  console.log('all is well');
}

run().catch((error) => {
  console.error(error);
  process.exit(1);
});
