import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.sql.BatchUpdateException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.sql.Types;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyManager;

/** pgjdbc: prepareThreshold, binary transfer, addBatch, fetch size, COPY, savepoints, generated keys, errors, DatabaseMetaData. */
public final class Check {
    private static int passed;
    private static int failed;

    interface Run {
        void run() throws Exception;
    }

    static void check(String name, Run run) {
        try {
            run.run();
            passed++;
            System.out.println("ok   " + name);
        } catch (Throwable error) {
            failed++;
            int line = 0;
            for (StackTraceElement frame : error.getStackTrace()) {
                if (frame.getClassName().startsWith("Check") && !frame.getMethodName().equals("equal")) {
                    line = frame.getLineNumber();
                    break;
                }
            }
            System.out.println("FAIL " + name + ": line " + line + ": " + String.valueOf(error).replaceAll("\\s+", " "));
        }
    }

    static void equal(Object got, Object expected, String what) {
        boolean same;
        if (got instanceof byte[] a && expected instanceof byte[] b) {
            same = Arrays.equals(a, b);
        } else if (got instanceof OffsetDateTime a && expected instanceof OffsetDateTime b) {
            same = a.isEqual(b);
        } else {
            same = Objects.equals(got, expected);
        }
        if (!same) {
            throw new AssertionError(what + ": got " + got + ", expected " + expected);
        }
    }

    private static void fails(String code, Run run) throws Exception {
        try {
            run.run();
        } catch (SQLException error) {
            equal(error.getSQLState(), code, "SQLSTATE of \"" + error.getMessage() + "\"");
            return;
        }
        throw new AssertionError("expected SQLSTATE " + code + ", got no error");
    }

    record Column(String name, String type, Class<?> read, int sqlType, List<Object> values) {}

    private static List<Column> columns() {
        return List.of(
            new Column("b", "boolean", Boolean.class, Types.BOOLEAN, List.of(true, false)),
            new Column("i2", "smallint", Short.class, Types.SMALLINT, List.of((short) 0, (short) -32768, (short) 32767)),
            new Column("i4", "integer", Integer.class, Types.INTEGER, List.of(0, -2147483648, 2147483647)),
            new Column("i8", "bigint", Long.class, Types.BIGINT, List.of(0L, -9223372036854775807L, 9223372036854775807L)),
            new Column("f8", "double precision", Double.class, Types.DOUBLE, List.of(0.0, 1.5, -2.25, 0.1, 1e-10)),
            new Column("n", "numeric(20,6)", BigDecimal.class, Types.NUMERIC,
                List.of(new BigDecimal("12345678901234.567890"), new BigDecimal("-1.500000"), new BigDecimal("0.000000"))),
            new Column("t", "text", String.class, Types.VARCHAR,
                List.of("plain", "", "it's \"quoted\" \\ back", "häß ☃ 漢字 😀", "x".repeat(3000))),
            new Column("v", "varchar(40)", String.class, Types.VARCHAR, List.of("plain", "", "Grüße")),
            new Column("y", "bytea", byte[].class, Types.BINARY,
                List.of(new byte[0], new byte[] {0, 1, (byte) 254, (byte) 255}, "plain".getBytes(StandardCharsets.UTF_8))),
            new Column("d", "date", LocalDate.class, Types.DATE, List.of(LocalDate.of(2026, 11, 24), LocalDate.of(1899, 12, 31))),
            new Column("tm", "time", LocalTime.class, Types.TIME, List.of(LocalTime.MIDNIGHT, LocalTime.of(12, 34, 56, 789000000))),
            new Column("ts", "timestamp", LocalDateTime.class, Types.TIMESTAMP,
                List.of(LocalDateTime.of(2026, 11, 24, 1, 2, 3), LocalDateTime.of(2000, 2, 29, 23, 59, 59, 123456000))),
            new Column("tz", "timestamptz", OffsetDateTime.class, Types.TIMESTAMP_WITH_TIMEZONE,
                List.of(OffsetDateTime.of(2026, 11, 24, 1, 2, 3, 0, ZoneOffset.UTC))),
            new Column("u", "uuid", UUID.class, Types.OTHER, List.of(UUID.fromString("12345678-9abc-def0-1234-56789abcdef0"))));
    }

    private static Connection connect(String more) throws SQLException {
        return DriverManager.getConnection(
            "jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/" + System.getenv("PGDATABASE")
                + "?sslmode=disable" + more,
            System.getenv("PGUSER"), System.getenv("PGPASSWORD"));
    }

    private static void execute(Connection conn, String... statements) throws SQLException {
        try (Statement st = conn.createStatement()) {
            for (String sql : statements) {
                st.execute(sql);
            }
        }
    }

    /** A statement prepared on the server whose table changes: pgjdbc forgets it at the first error, and goes on. */
    private static void changedTables(Connection conn) throws SQLException {
        execute(conn, "DROP TABLE IF EXISTS ch", "CREATE TABLE ch (id integer PRIMARY KEY, a varchar(10))", "INSERT INTO ch VALUES (1, 'x')");
        try (PreparedStatement ps = conn.prepareStatement("SELECT * FROM ch WHERE id = ?")) {
            ps.unwrap(org.postgresql.PGStatement.class).setPrepareThreshold(1);
            ps.setInt(1, 1);
            String[] changes = {null, "ALTER TABLE ch ADD COLUMN b integer", "ALTER TABLE ch DROP COLUMN a"};
            int[] widths = {2, 3, 2};
            for (int n = 0; n < changes.length; n++) {
                if (changes[n] != null) {
                    execute(conn, changes[n]);
                    try {
                        ps.executeQuery().close();
                    } catch (SQLException error) {
                        equal(error.getSQLState(), "0A000", "SQLSTATE of \"" + error.getMessage() + "\"");
                    }
                }
                for (int times = 0; times < 3; times++) {
                    try (ResultSet rs = ps.executeQuery()) {
                        equal(rs.next(), true, "a row");
                        equal(rs.getMetaData().getColumnCount(), widths[n], "columns after " + changes[n]);
                    }
                }
            }
        }
        execute(conn, "DROP TABLE ch");
    }

    private static List<Integer> ids(Connection conn, String table) throws SQLException {
        List<Integer> ids = new ArrayList<>();
        try (Statement st = conn.createStatement(); ResultSet rs = st.executeQuery("SELECT id FROM " + table + " ORDER BY id")) {
            while (rs.next()) {
                ids.add(rs.getInt(1));
            }
        }
        return ids;
    }

    /** The same statement object runs past prepareThreshold, so text and binary results are both read. */
    private static void roundTrips(Connection conn, String mode) {
        check("create table of all types, " + mode, () -> {
            StringBuilder defs = new StringBuilder();
            for (Column c : columns()) {
                defs.append(", ").append(c.name()).append(' ').append(c.type());
            }
            execute(conn, "DROP TABLE IF EXISTS ty", "CREATE TABLE ty (id integer PRIMARY KEY" + defs + ")");
        });
        int[] id = {0};
        for (Column c : columns()) {
            check("round trip " + c.type() + ", " + mode, () -> {
                List<Object> values = new ArrayList<>(c.values());
                values.add(null);
                while (values.size() < 9) {
                    values.add(c.values().get(0));
                }
                try (PreparedStatement insert = conn.prepareStatement("INSERT INTO ty (id, " + c.name() + ") VALUES (?, ?)");
                     PreparedStatement select = conn.prepareStatement("SELECT " + c.name() + " FROM ty WHERE id = ?")) {
                    for (Object value : values) {
                        id[0]++;
                        insert.setInt(1, id[0]);
                        if (value == null) {
                            insert.setNull(2, c.sqlType());
                        } else {
                            insert.setObject(2, value);
                        }
                        equal(insert.executeUpdate(), 1, "count");
                        select.setInt(1, id[0]);
                        try (ResultSet rs = select.executeQuery()) {
                            equal(rs.next(), true, "row");
                            Object got = c.read() == byte[].class ? rs.getBytes(1)
                                : c.read() == Short.class ? (rs.getObject(1) == null ? null : (Object) rs.getShort(1))
                                : rs.getObject(1, c.read());
                            equal(got, value, c.name());
                        }
                    }
                }
            });
        }
    }

    private static void batches(Connection conn) throws Exception {
        execute(conn, "DROP TABLE IF EXISTS ba", "CREATE TABLE ba (id integer PRIMARY KEY, name varchar(50))");
        conn.setAutoCommit(false);
        try (PreparedStatement ps = conn.prepareStatement("INSERT INTO ba VALUES (?, ?)")) {
            for (int n = 0; n < 300; n++) {
                ps.setInt(1, n);
                ps.setString(2, "name " + n);
                ps.addBatch();
            }
            int[] counts = ps.executeBatch();
            equal(counts.length, 300, "counts");
            for (int count : counts) {
                equal(count == 1 || count == Statement.SUCCESS_NO_INFO, true, "count");
            }
            conn.commit();
            equal(ids(conn, "ba").size(), 300, "rows");
            for (int n : new int[] {1000, 1, 1001}) {
                ps.setInt(1, n);
                ps.setString(2, "x");
                ps.addBatch();
            }
            try {
                ps.executeBatch();
                throw new AssertionError("a duplicate key in a batch raised nothing");
            } catch (BatchUpdateException error) {
                equal(error.getSQLState(), "23505", "SQLSTATE");
            }
            conn.rollback();
        }
        try (Statement st = conn.createStatement()) {
            st.addBatch("UPDATE ba SET name = 'u' WHERE id < 10");
            st.addBatch("DELETE FROM ba WHERE id >= 290");
            equal(Arrays.toString(st.executeBatch()), "[10, 10]", "counts");
        }
        conn.commit();
        conn.setAutoCommit(true);
        equal(ids(conn, "ba").size(), 290, "rows");
    }

    private static void rewrittenBatch() throws Exception {
        try (Connection conn = connect("&reWriteBatchedInserts=true")) {
            execute(conn, "DELETE FROM ba");
            try (PreparedStatement ps = conn.prepareStatement("INSERT INTO ba VALUES (?, ?)")) {
                for (int n = 0; n < 150; n++) {
                    ps.setInt(1, n);
                    ps.setString(2, "name " + n);
                    ps.addBatch();
                }
                ps.executeBatch();
            }
            equal(ids(conn, "ba").size(), 150, "rows");
        }
    }

    /** In a transaction a fetch size becomes row-limited Executes of one portal. */
    private static void fetchSize(Connection conn) throws Exception {
        conn.setAutoCommit(false);
        try (PreparedStatement ps = conn.prepareStatement("SELECT id, name FROM ba WHERE id >= ? ORDER BY id")) {
            ps.setFetchSize(7);
            for (int from : new int[] {0, 100, 140, 150, 143}) {
                ps.setInt(1, from);
                int expected = from;
                try (ResultSet rs = ps.executeQuery()) {
                    while (rs.next()) {
                        equal(rs.getInt("id"), expected++, "id");
                    }
                }
                equal(expected, 150, "rows");
            }
        }
        conn.commit();
        conn.setAutoCommit(true);
        try (Statement st = conn.createStatement()) {
            st.setMaxRows(3);
            int rows = 0;
            try (ResultSet rs = st.executeQuery("SELECT id FROM ba ORDER BY id")) {
                while (rs.next()) {
                    rows++;
                }
            }
            equal(rows, 3, "rows under setMaxRows");
        }
    }

    private static void metadata(Connection conn) throws Exception {
        try (PreparedStatement ps = conn.prepareStatement("SELECT id, name AS \"Name\" FROM ba WHERE id = ?")) {
            ResultSetMetaData described = ps.getMetaData();
            equal(described.getColumnCount(), 2, "columns");
            equal(described.getColumnLabel(2), "Name", "label");
            equal(described.getColumnType(1), Types.INTEGER, "type");
            equal(ps.getParameterMetaData().getParameterCount(), 1, "parameters");
        }
    }

    private static void generatedKeys(Connection conn) throws Exception {
        execute(conn, "DROP TABLE IF EXISTS gk", "CREATE TABLE gk (id serial PRIMARY KEY, name varchar(50))");
        try (PreparedStatement ps = conn.prepareStatement("INSERT INTO gk (name) VALUES (?)", new String[] {"id"})) {
            for (int n = 1; n <= 3; n++) {
                ps.setString(1, "name " + n);
                equal(ps.executeUpdate(), 1, "count");
                try (ResultSet keys = ps.getGeneratedKeys()) {
                    equal(keys.next(), true, "key");
                    equal(keys.getInt(1), n, "key");
                }
            }
        }
    }

    private static void copying(Connection conn) throws Exception {
        execute(conn, "DROP TABLE IF EXISTS cp", "CREATE TABLE cp (id integer PRIMARY KEY, name varchar(100))");
        CopyManager copy = conn.unwrap(PGConnection.class).getCopyAPI();
        StringBuilder rows = new StringBuilder();
        for (int n = 0; n < 1000; n++) {
            rows.append(n).append('\t').append(n % 5 == 0 ? "\\N" : "naïve " + n).append('\n');
        }
        byte[] bytes = rows.toString().getBytes(StandardCharsets.UTF_8);
        equal(copy.copyIn("COPY cp FROM STDIN", new java.io.ByteArrayInputStream(bytes), 113), 1000L, "rows");
        equal(ids(conn, "cp").size(), 1000, "rows");
    }

    private static void transactions(Connection conn) throws Exception {
        execute(conn, "DROP TABLE IF EXISTS tx", "CREATE TABLE tx (id integer PRIMARY KEY, v integer)");
        conn.setAutoCommit(false);
        execute(conn, "INSERT INTO tx VALUES (1, 1)");
        conn.rollback();
        equal(ids(conn, "tx"), List.of(), "ids");
        execute(conn, "INSERT INTO tx VALUES (1, 1)");
        Savepoint a = conn.setSavepoint("a");
        fails("23505", () -> execute(conn, "INSERT INTO tx VALUES (1, 2)"));
        fails("25P02", () -> execute(conn, "SELECT 1"));
        conn.rollback(a);
        execute(conn, "INSERT INTO tx VALUES (2, 2)");
        Savepoint unnamed = conn.setSavepoint();
        execute(conn, "INSERT INTO tx VALUES (3, 3)");
        conn.releaseSavepoint(unnamed);
        conn.commit();
        equal(ids(conn, "tx"), List.of(1, 2, 3), "ids");
        conn.commit();
        fails("42P01", () -> execute(conn, "SELECT * FROM no_such_table"));
        conn.rollback();
        conn.setAutoCommit(true);
        conn.setTransactionIsolation(Connection.TRANSACTION_READ_COMMITTED);
        equal(ids(conn, "tx").size(), 3, "rows");
    }

    private static void errors(Connection conn) {
        check("error tables", () -> execute(conn, "DROP TABLE IF EXISTS er2", "DROP TABLE IF EXISTS er",
            "CREATE TABLE er (id integer PRIMARY KEY, name varchar(5) NOT NULL)",
            "CREATE TABLE er2 (id integer PRIMARY KEY, er_id integer REFERENCES er (id))",
            "INSERT INTO er VALUES (1, 'a')"));
        Object[][] cases = {
            {"42P01", "SELECT * FROM no_such_table"},
            {"42703", "SELECT no_such_column FROM er"},
            {"23505", "INSERT INTO er VALUES (?, ?)", 1, "b"},
            {"23502", "INSERT INTO er VALUES (?, ?)", 2, null},
            {"23503", "INSERT INTO er2 VALUES (?, ?)", 1, 77},
            {"22P02", "SELECT * FROM er WHERE id = 'abc'"},
            {"42601", "SELEC 1"},
        };
        for (Object[] c : cases) {
            check("error " + c[0] + ": " + c[1], () -> fails((String) c[0], () -> {
                try (PreparedStatement ps = conn.prepareStatement((String) c[1])) {
                    for (int n = 2; n < c.length; n++) {
                        if (c[n] == null) {
                            ps.setNull(n - 1, Types.VARCHAR);
                        } else {
                            ps.setObject(n - 1, c[n]);
                        }
                    }
                    ps.execute();
                }
            }));
        }
    }

    public static void main(String[] args) throws Exception {
        try (Connection conn = connect("")) {
            check("connect and SELECT 1", () -> {
                try (Statement st = conn.createStatement(); ResultSet rs = st.executeQuery("SELECT 1")) {
                    equal(rs.next(), true, "row");
                    equal(rs.getInt(1), 1, "value");
                }
            });
            check("isValid", () -> equal(conn.isValid(5), true, "valid"));
            roundTrips(conn, "default");
            try (Connection binary = connect("&prepareThreshold=-1")) {
                roundTrips(binary, "binary from the first");
            }
            try (Connection simple = connect("&preferQueryMode=simple")) {
                roundTrips(simple, "simple protocol");
            }
            check("batches", () -> batches(conn));
            conn.setAutoCommit(true);
            check("rewritten batch", Check::rewrittenBatch);
            check("fetch size", () -> fetchSize(conn));
            conn.setAutoCommit(true);
            check("metadata", () -> metadata(conn));
            check("generated keys", () -> generatedKeys(conn));
            check("COPY FROM STDIN", () -> copying(conn));
            check("transactions", () -> transactions(conn));
            check("tables that change", () -> changedTables(conn));
            conn.setAutoCommit(true);
            errors(conn);
            for (String table : new String[] {"ty", "ba", "gk", "cp", "tx", "er2", "er"}) {
                check("drop table " + table, () -> execute(conn, "DROP TABLE IF EXISTS " + table));
            }
            Metadata.checks(conn);
        }
        System.out.println(passed + " passed, " + failed + " failed");
        System.exit(failed > 0 || passed == 0 ? 1 : 0);
    }
}
