// pgx v5: binary parameters, statement cache, batches, COPY, transactions, errors, the simple protocol, pgxpool.
package main

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"os"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
)

var passed, failed int

func check(name string, run func() error) {
	if err := run(); err != nil {
		failed++
		text := err.Error()
		if len(text) > 600 {
			text = text[:600]
		}
		fmt.Printf("FAIL %s: %s\n", name, text)
		return
	}
	passed++
	fmt.Printf("ok   %s\n", name)
}

func equal(got, expected any, what string) error {
	if !reflect.DeepEqual(got, expected) {
		return fmt.Errorf("%s: got %#v, expected %#v", what, got, expected)
	}
	return nil
}

func code(expected string, err error) error {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return fmt.Errorf("expected SQLSTATE %s, got %v", expected, err)
	}
	if pg.Code != expected {
		return fmt.Errorf("expected SQLSTATE %s, got %s: %s", expected, pg.Code, pg.Message)
	}
	return nil
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

type column struct {
	name, sqltype string
	values        []any
}

func numeric(text string) pgtype.Numeric {
	var n pgtype.Numeric
	if err := n.Scan(text); err != nil {
		panic(err)
	}
	return n
}

func columns() []column {
	day := func(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }
	return []column{
		{"b", "boolean", []any{true, false}},
		{"i2", "smallint", []any{int16(0), int16(-32768), int16(32767)}},
		{"i4", "integer", []any{int32(0), int32(-2147483648), int32(2147483647)}},
		{"i8", "bigint", []any{int64(0), int64(-9223372036854775807), int64(9223372036854775807)}},
		{"f8", "double precision", []any{0.0, 1.5, -2.25, 0.1, 1e-10}},
		{"n", "numeric(20,6)", []any{numeric("12345678901234.567890"), numeric("-1.500000"), numeric("0")}},
		{"t", "text", []any{"plain", "", "it's \"quoted\" \\ back", "häß ☃ 漢字 😀", strings.Repeat("x", 3000)}},
		{"v", "varchar(40)", []any{"plain", "", "Grüße"}},
		{"y", "bytea", []any{[]byte{}, []byte{0, 1, 254, 255}, []byte("plain")}},
		{"d", "date", []any{day(2026, 11, 24), day(1899, 12, 31)}},
		{"tm", "time", []any{pgtype.Time{Microseconds: 0, Valid: true}, pgtype.Time{Microseconds: 45296789000, Valid: true}}},
		{"ts", "timestamp", []any{time.Date(2026, 11, 24, 1, 2, 3, 0, time.UTC), time.Date(2000, 2, 29, 23, 59, 59, 123456000, time.UTC)}},
		{"tz", "timestamptz", []any{time.Date(2026, 11, 24, 1, 2, 3, 0, time.UTC)}},
		{"u", "uuid", []any{[16]byte{0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0, 1, 2, 3, 4, 5, 6, 7, 8}}},
	}
}

// Numbers by value, times by instant.
func comparable(value any) any {
	switch v := value.(type) {
	case pgtype.Numeric:
		r := new(big.Rat).SetInt(v.Int)
		exp := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(v.Exp, -v.Exp))), nil)
		if v.Exp < 0 {
			r.Quo(r, new(big.Rat).SetInt(exp))
		} else {
			r.Mul(r, new(big.Rat).SetInt(exp))
		}
		return r.FloatString(10)
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	}
	return value
}

func roundTrips(ctx context.Context, conn *pgx.Conn, table string) {
	var defs []string
	for _, c := range columns() {
		defs = append(defs, c.name+" "+c.sqltype)
	}
	check("create table of all types", func() error {
		_, err1 := conn.Exec(ctx, "DROP TABLE IF EXISTS "+table)
		_, err2 := conn.Exec(ctx, "CREATE TABLE "+table+" (id integer PRIMARY KEY, "+strings.Join(defs, ", ")+")")
		return first(err1, err2)
	})
	id := 0
	for _, c := range columns() {
		check("round trip "+c.sqltype+" "+table, func() error {
			for _, value := range append(c.values, nil) {
				id++
				tag, err := conn.Exec(ctx, fmt.Sprintf("INSERT INTO %s (id, %s) VALUES ($1, $2)", table, c.name), id, value)
				if err != nil {
					return err
				}
				if err := equal(tag.String(), "INSERT 0 1", "tag"); err != nil {
					return err
				}
				rows, err := conn.Query(ctx, fmt.Sprintf("SELECT %s FROM %s WHERE id = $1", c.name, table), id)
				if err != nil {
					return err
				}
				got, err := pgx.CollectOneRow(rows, func(row pgx.CollectableRow) (any, error) {
					values, err := row.Values()
					if err != nil {
						return nil, err
					}
					return values[0], nil
				})
				if err != nil {
					return err
				}
				if err := equal(comparable(got), comparable(value), c.name); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

func exec(ctx context.Context, conn *pgx.Conn, statements ...string) error {
	for _, sql := range statements {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
	}
	return nil
}

func ids(ctx context.Context, conn *pgx.Conn, table string) ([]int32, error) {
	rows, err := conn.Query(ctx, "SELECT id FROM "+table+" ORDER BY id")
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[int32])
}

func statements(ctx context.Context, conn *pgx.Conn) error {
	if err := exec(ctx, conn, "DROP TABLE IF EXISTS st", "CREATE TABLE st (id integer PRIMARY KEY, name varchar(50))"); err != nil {
		return err
	}
	if _, err := conn.Prepare(ctx, "st_insert", "INSERT INTO st VALUES ($1, $2)"); err != nil {
		return err
	}
	for n := range 30 {
		if _, err := conn.Exec(ctx, "st_insert", n, fmt.Sprintf("name %d", n)); err != nil {
			return err
		}
	}
	for n := range 30 {
		var name string
		if err := conn.QueryRow(ctx, "SELECT name FROM st WHERE id = $1", n).Scan(&name); err != nil {
			return err
		}
		if err := equal(name, fmt.Sprintf("name %d", n), "name"); err != nil {
			return err
		}
	}
	sd, err := conn.Prepare(ctx, "st_select", "SELECT id, name FROM st WHERE id = $1")
	if err != nil {
		return err
	}
	return first(
		equal(sd.ParamOIDs, []uint32{pgtype.Int4OID}, "parameter types"),
		equal(sd.Fields[0].DataTypeOID, uint32(pgtype.Int4OID), "column type"),
		equal(sd.Fields[1].Name, "name", "column name"),
		conn.Deallocate(ctx, "st_select"),
	)
}

func batches(ctx context.Context, conn *pgx.Conn) error {
	if err := exec(ctx, conn, "DROP TABLE IF EXISTS ba", "CREATE TABLE ba (id integer PRIMARY KEY, v integer)"); err != nil {
		return err
	}
	batch := &pgx.Batch{}
	for n := range 200 {
		batch.Queue("INSERT INTO ba VALUES ($1, $2)", n, n*n)
	}
	batch.Queue("SELECT sum(v) FROM ba")
	results := conn.SendBatch(ctx, batch)
	for range 200 {
		tag, err := results.Exec()
		if err != nil {
			return err
		}
		if tag.RowsAffected() != 1 {
			return fmt.Errorf("rows affected: %d", tag.RowsAffected())
		}
	}
	var sum int64
	if err := first(results.QueryRow().Scan(&sum), results.Close(), equal(sum, int64(2646700), "sum")); err != nil {
		return err
	}
	// A batch is one implicit transaction: its error undoes what came before.
	batch = &pgx.Batch{}
	batch.Queue("INSERT INTO ba VALUES ($1, $2)", 1000, 1)
	batch.Queue("INSERT INTO ba VALUES ($1, $2)", 1, 1)
	batch.Queue("INSERT INTO ba VALUES ($1, $2)", 1001, 1)
	if err := code("23505", conn.SendBatch(ctx, batch).Close()); err != nil {
		return err
	}
	got, err := ids(ctx, conn, "ba")
	return first(err, equal(len(got), 200, "rows"))
}

func fetching(ctx context.Context, conn *pgx.Conn) error {
	rows, err := conn.Query(ctx, "SELECT id, v FROM ba ORDER BY id")
	if err != nil {
		return err
	}
	count := 0
	for rows.Next() {
		var id, v int32
		if err := first(rows.Scan(&id, &v), equal(v, id*id, "v")); err != nil {
			return err
		}
		count++
	}
	return first(rows.Err(), equal(count, 200, "rows"), equal(rows.CommandTag().String(), "SELECT 200", "tag"))
}

func transactions(ctx context.Context, conn *pgx.Conn) error {
	if err := exec(ctx, conn, "DROP TABLE IF EXISTS tx", "CREATE TABLE tx (id integer PRIMARY KEY, v integer)"); err != nil {
		return err
	}
	tx, err := conn.Begin(ctx)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, "INSERT INTO tx VALUES ($1, $2)", 1, 1)
	if err := first(err, tx.Rollback(ctx)); err != nil {
		return err
	}
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "INSERT INTO tx VALUES ($1, $2)", 1, 1); err != nil {
			return err
		}
		nested := pgx.BeginFunc(ctx, tx, func(inner pgx.Tx) error {
			if _, err := inner.Exec(ctx, "INSERT INTO tx VALUES ($1, $2)", 2, 2); err != nil {
				return err
			}
			_, err := inner.Exec(ctx, "INSERT INTO tx VALUES ($1, $2)", 1, 1)
			return err
		})
		if err := code("23505", nested); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "INSERT INTO tx VALUES ($1, $2)", 3, 3)
		return err
	})
	got, err2 := ids(ctx, conn, "tx")
	if err := first(err, err2, equal(got, []int32{1, 3}, "ids")); err != nil {
		return err
	}
	tx, err = conn.Begin(ctx)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, "INSERT INTO tx VALUES (1, 1)")
	if err := code("23505", err); err != nil {
		return err
	}
	if err := equal(conn.PgConn().TxStatus(), byte('E'), "status"); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, "SELECT 1")
	if err := code("25P02", err); err != nil {
		return err
	}
	if err := tx.Commit(ctx); !errors.Is(err, pgx.ErrTxCommitRollback) {
		return fmt.Errorf("commit of a failed transaction: %v", err)
	}
	return equal(conn.PgConn().TxStatus(), byte('I'), "status")
}

func failures(ctx context.Context, conn *pgx.Conn) {
	check("error tables", func() error {
		return exec(ctx, conn, "DROP TABLE IF EXISTS er2", "DROP TABLE IF EXISTS er",
			"CREATE TABLE er (id integer PRIMARY KEY, name varchar(5) NOT NULL)",
			"CREATE TABLE er2 (id integer PRIMARY KEY, er_id integer REFERENCES er (id))",
			"INSERT INTO er VALUES (1, 'a')")
	})
	for _, c := range []struct {
		state, sql string
		params     []any
	}{
		{"42P01", "SELECT * FROM no_such_table", nil},
		{"42703", "SELECT no_such_column FROM er", nil},
		{"23505", "INSERT INTO er VALUES ($1, $2)", []any{1, "b"}},
		{"23502", "INSERT INTO er VALUES ($1, $2)", []any{2, nil}},
		{"23503", "INSERT INTO er2 VALUES ($1, $2)", []any{1, 77}},
		{"22P02", "SELECT * FROM er WHERE id = 'abc'", nil},
		{"42601", "SELEC 1", nil},
	} {
		check("error "+c.state+": "+c.sql, func() error {
			_, err := conn.Exec(ctx, c.sql, c.params...)
			return code(c.state, err)
		})
	}
}

func simpleProtocol(ctx context.Context) error {
	config, err := pgx.ParseConfig("")
	if err != nil {
		return err
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	var name string
	if err := conn.QueryRow(ctx, "SELECT name FROM st WHERE id = $1 AND name <> $2", 3, "it's").Scan(&name); err != nil {
		return err
	}
	return equal(name, "name 3", "name")
}

func execModes(ctx context.Context) error {
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeExec, pgx.QueryExecModeDescribeExec, pgx.QueryExecModeCacheDescribe} {
		config, err := pgx.ParseConfig("")
		if err != nil {
			return err
		}
		config.DefaultQueryExecMode = mode
		conn, err := pgx.ConnectConfig(ctx, config)
		if err != nil {
			return err
		}
		var count int64
		for range 3 {
			err = first(conn.QueryRow(ctx, "SELECT count(*) FROM st WHERE id < $1", 10).Scan(&count), equal(count, int64(10), mode.String()))
			if err != nil {
				break
			}
		}
		if err := first(err, conn.Close(ctx)); err != nil {
			return err
		}
	}
	return nil
}

// A cached statement whose table changes: the error drops it from the cache, and the next attempt works.
func changedTables(ctx context.Context, conn *pgx.Conn) error {
	star := func() (int, error) {
		rows, err := conn.Query(ctx, "SELECT * FROM ch WHERE id = $1", 1)
		if err != nil {
			return 0, err
		}
		defer rows.Close()
		count := 0
		for rows.Next() {
			values, err := rows.Values()
			if err != nil {
				return 0, err
			}
			count = len(values)
		}
		return count, rows.Err()
	}
	again := func(expected int) error {
		_, err := star()
		if err != nil {
			if err := code("0A000", err); err != nil {
				return err
			}
		}
		count, err := star()
		return first(err, equal(count, expected, "columns"))
	}
	err := exec(ctx, conn, "DROP TABLE IF EXISTS ch", "CREATE TABLE ch (id integer PRIMARY KEY, a varchar(10))", "INSERT INTO ch VALUES (1, 'x')")
	if err != nil {
		return err
	}
	count, err := star()
	if err := first(err, equal(count, 2, "columns"), exec(ctx, conn, "ALTER TABLE ch ADD COLUMN b integer"), again(3)); err != nil {
		return err
	}
	return first(exec(ctx, conn, "ALTER TABLE ch DROP COLUMN a"), again(2))
}

func pools(ctx context.Context) error {
	config, err := pgxpool.ParseConfig("")
	if err != nil {
		return err
	}
	config.MaxConns = 8
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return err
	}
	defer pool.Close()
	results := make([]error, 40)
	var wg sync.WaitGroup
	for n := range results {
		wg.Go(func() {
			var count int64
			results[n] = first(pool.QueryRow(ctx, "SELECT count(*) FROM st WHERE id < $1", n%30).Scan(&count), equal(count, int64(n%30), "count"))
		})
	}
	wg.Wait()
	return first(results...)
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, "")
	if err != nil {
		fmt.Printf("FAIL connect: %v\n0 passed, 1 failed\n", err)
		os.Exit(1)
	}
	defer conn.Close(ctx)
	check("connect and SELECT 1", func() error {
		var one int32
		return first(conn.QueryRow(ctx, "SELECT 1").Scan(&one), equal(one, int32(1), "SELECT 1"))
	})
	roundTrips(ctx, conn, "ty")
	check("prepared statements", func() error { return statements(ctx, conn) })
	check("batches", func() error { return batches(ctx, conn) })
	check("fetching", func() error { return fetching(ctx, conn) })
	check("transactions", func() error { return transactions(ctx, conn) })
	failures(ctx, conn)
	check("simple protocol", func() error { return simpleProtocol(ctx) })
	check("other execution modes", func() error { return execModes(ctx) })
	check("tables that change", func() error { return changedTables(ctx, conn) })
	check("pool", func() error { return pools(ctx) })
	for _, table := range []string{"ty", "st", "ba", "tx", "ch", "er2", "er"} {
		check("drop table "+table, func() error { return exec(ctx, conn, "DROP TABLE IF EXISTS "+table) })
	}
	fmt.Printf("%d passed, %d failed\n", passed, failed)
	if failed > 0 || passed == 0 {
		os.Exit(1)
	}
}
