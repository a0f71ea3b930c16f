'use strict';
// node-postgres: text parameters, named statements, cursors, pools, transactions, errors.

const assert = require('node:assert/strict');
const { Client, Pool, types } = require('pg');
const Cursor = require('pg-cursor');

// Dates and times as text: this checks what the server says, not how JavaScript reads it.
for (const oid of [1082, 1083, 1114, 1184]) types.setTypeParser(oid, (text) => text);

let passed = 0;
let failed = 0;

async function check(name, run) {
  try {
    await run();
    passed += 1;
    console.log(`ok   ${name}`);
  } catch (error) {
    failed += 1;
    const line = /check\.js:(\d+)/.exec(error.stack || '');
    console.log(`FAIL ${name}: ${line ? `line ${line[1]}: ` : ''}${String(error.message).slice(0, 600)}`);
  }
}

async function fails(code, promise) {
  await assert.rejects(promise, (error) => {
    assert.equal(error.code, code, `expected SQLSTATE ${code}, got ${error.code}: ${error.message}`);
    return true;
  });
}

// column, type, pairs of what is sent and what comes back
const same = (...values) => values.map((value) => [value, value]);
const VALUES = [
  ['b', 'boolean', same(true, false)],
  ['i2', 'smallint', same(0, -32768, 32767)],
  ['i4', 'integer', same(0, 42, -2147483648, 2147483647)],
  ['i8', 'bigint', [['9223372036854775807', '9223372036854775807'], [12n, '12'], [0, '0']]],
  ['f8', 'double precision', same(0, 1.5, -2.25, 0.1, 1e-10)],
  ['n', 'numeric(20,6)', [['12345678901234.567890', '12345678901234.567890'], ['-1.5', '-1.500000']]],
  ['t', 'text', same('plain', '', 'it\'s "quoted" \\ back', 'häß ☃ 漢字 😀', 'x'.repeat(3000))],
  ['v', 'varchar(40)', same('plain', '', 'Grüße')],
  ['y', 'bytea', same(Buffer.alloc(0), Buffer.from([0, 1, 254, 255]), Buffer.from('plain'))],
  ['d', 'date', same('2026-11-24', '1899-12-31')],
  ['tm', 'time', same('00:00:00', '23:59:59', '12:34:56.789')],
  ['ts', 'timestamp', [['2026-11-24 01:02:03', '2026-11-24 01:02:03'], ['2000-02-29T23:59:59.123456', '2000-02-29 23:59:59.123456']]],
  ['tz', 'timestamptz', [[new Date(Date.UTC(2026, 10, 24, 1, 2, 3)), '2026-11-24 01:02:03+00']]],
  ['u', 'uuid', same('12345678-9abc-def0-1234-56789abcdef0')],
];

async function roundTrips(client) {
  await client.query('DROP TABLE IF EXISTS ty');
  await client.query(`CREATE TABLE ty (id integer PRIMARY KEY, ${VALUES.map(([n, t]) => `${n} ${t}`).join(', ')})`);
  await client.query("SET TIME ZONE 'UTC'");
  let id = 0;
  for (const [name, sqltype, pairs] of VALUES) {
    await check(`round trip ${sqltype}`, async () => {
      for (const [sent, expected] of [...pairs, [null, null]]) {
        id += 1;
        const inserted = await client.query(`INSERT INTO ty (id, ${name}) VALUES ($1, $2)`, [id, sent]);
        assert.equal(inserted.rowCount, 1);
        const { rows } = await client.query(`SELECT ${name} AS value FROM ty WHERE id = $1`, [id]);
        assert.deepEqual(rows, [{ value: expected }]);
      }
    });
  }
}

async function named(client) {
  await client.query('DROP TABLE IF EXISTS na');
  await client.query('CREATE TABLE na (id integer PRIMARY KEY, name varchar(50))');
  for (let n = 0; n < 30; n += 1) {
    await client.query({ name: 'na_insert', text: 'INSERT INTO na VALUES ($1, $2)', values: [n, `name ${n}`] });
  }
  for (let n = 0; n < 30; n += 1) {
    const { rows } = await client.query({ name: 'na_select', text: 'SELECT name FROM na WHERE id = $1', values: [n] });
    assert.deepEqual(rows, [{ name: `name ${n}` }]);
  }
  const { rows } = await client.query({ text: 'SELECT id, name FROM na ORDER BY id', rowMode: 'array', rows: 7 });
  assert.deepEqual(rows[29], [29, 'name 29']);
}

async function severalStatements(client) {
  const results = await client.query("INSERT INTO na VALUES (100, 'a'); UPDATE na SET name = 'b' WHERE id >= 100; SELECT name FROM na WHERE id = 100; ;");
  assert.deepEqual(results.map((r) => [r.command, r.rowCount]).slice(0, 3), [['INSERT', 1], ['UPDATE', 1], ['SELECT', 1]]);
  // They are one transaction: the error undoes the insert before it.
  await fails('23505', client.query("INSERT INTO na VALUES (200, 'a'); INSERT INTO na VALUES (100, 'a')"));
  assert.equal((await client.query('SELECT id FROM na WHERE id = 200')).rowCount, 0);
}

async function cursor(client) {
  await client.query('BEGIN');
  const walk = client.query(new Cursor('SELECT id FROM na WHERE id >= $1 ORDER BY id', [0]));
  assert.deepEqual((await walk.read(5)).map((r) => r.id), [0, 1, 2, 3, 4]);
  assert.deepEqual((await walk.read(5)).map((r) => r.id), [5, 6, 7, 8, 9]);
  assert.equal((await walk.read(1000)).length, 21);
  assert.equal((await walk.read(5)).length, 0);
  await walk.close();
  await client.query('COMMIT');
}

async function transactions(client) {
  await client.query('DROP TABLE IF EXISTS tx');
  await client.query('CREATE TABLE tx (id integer PRIMARY KEY, v integer)');
  const ids = async () => (await client.query('SELECT id FROM tx ORDER BY id')).rows.map((r) => r.id);
  await client.query('BEGIN');
  await client.query('INSERT INTO tx VALUES ($1, $2)', [1, 1]);
  await client.query('ROLLBACK');
  assert.deepEqual(await ids(), []);
  await client.query('BEGIN');
  await client.query('INSERT INTO tx VALUES (1, 1)');
  await client.query('SAVEPOINT a');
  await fails('23505', client.query('INSERT INTO tx VALUES (1, 2)'));
  await fails('25P02', client.query('SELECT 1'));
  await client.query('ROLLBACK TO SAVEPOINT a');
  await client.query('INSERT INTO tx VALUES (2, 2)');
  await client.query('COMMIT');
  assert.deepEqual(await ids(), [1, 2]);
  await client.query('BEGIN');
  await client.query('INSERT INTO tx VALUES (3, 3)');
  await fails('42P01', client.query('SELECT * FROM no_such_table'));
  // COMMIT of a failed transaction is a ROLLBACK.
  assert.equal((await client.query('COMMIT')).command, 'ROLLBACK');
  assert.deepEqual(await ids(), [1, 2]);
}

async function errors(client) {
  await client.query('DROP TABLE IF EXISTS er2');
  await client.query('DROP TABLE IF EXISTS er');
  await client.query('CREATE TABLE er (id integer PRIMARY KEY, name varchar(5) NOT NULL)');
  await client.query('CREATE TABLE er2 (id integer PRIMARY KEY, er_id integer REFERENCES er (id))');
  await client.query("INSERT INTO er VALUES (1, 'a')");
  for (const [code, text, values] of [
    ['42P01', 'SELECT * FROM no_such_table', undefined],
    ['42703', 'SELECT no_such_column FROM er', undefined],
    ['23505', 'INSERT INTO er VALUES ($1, $2)', [1, 'b']],
    ['23502', 'INSERT INTO er VALUES ($1, $2)', [2, null]],
    ['23503', 'INSERT INTO er2 VALUES ($1, $2)', [1, 77]],
    ['22P02', 'SELECT * FROM er WHERE id = $1', ['abc']],
    ['42601', 'SELEC 1', undefined],
  ]) {
    await check(`error ${code}: ${text}`, () => fails(code, client.query(text, values)));
  }
}

async function pool() {
  const p = new Pool({ max: 8 });
  const results = await Promise.all(Array.from({ length: 40 }, (_, n) => p.query('SELECT count(*) AS c FROM na WHERE id < $1', [n % 30])));
  results.forEach((r, n) => assert.equal(r.rows[0].c, String(n % 30)));
  await p.end();
}

async function main() {
  const client = new Client();
  await client.connect();
  await check('connect and SELECT 1', async () => {
    assert.deepEqual((await client.query('SELECT 1 AS one')).rows, [{ one: 1 }]);
  });
  await roundTrips(client);
  await check('named statements', () => named(client));
  await check('several statements in one query', () => severalStatements(client));
  await check('cursor', () => cursor(client));
  await check('transactions', () => transactions(client));
  await client.query('ROLLBACK');
  await errors(client);
  await check('pool', pool);
  for (const table of ['ty', 'na', 'tx', 'er2', 'er']) {
    await check(`drop table ${table}`, () => client.query(`DROP TABLE IF EXISTS ${table}`));
  }
  await client.end();
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed || !passed ? 1 : 0);
}

main().catch((error) => {
  console.log(`FAIL run: ${error.stack}`);
  console.log(`${passed} passed, ${failed + 1} failed`);
  process.exit(1);
});
