import java.io.StringReader;
import java.math.BigDecimal;
import java.sql.BatchUpdateException;
import java.sql.Blob;
import java.sql.Clob;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.Date;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Time;
import java.sql.Timestamp;
import java.sql.Types;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/** The official IRIS JDBC driver against the embedded superserver. */
public final class Check {
    private static int passed;
    private static int failed;

    interface Run {
        void run() throws Exception;
    }

    private static void check(String name, Run run) {
        try {
            run.run();
            passed++;
            System.out.println("ok   " + name);
        } catch (Throwable error) {
            failed++;
            String where = Arrays.stream(error.getStackTrace())
                    .filter(f -> f.getClassName().startsWith("Check")).findFirst().map(f -> "line " + f.getLineNumber()).orElse("");
            System.out.println("FAIL " + name + ": " + where + ": " + error);
        }
    }

    private static void equal(Object got, Object expected) {
        if (!Objects.deepEquals(got, expected)) {
            throw new AssertionError("got " + show(got) + ", expected " + show(expected));
        }
    }

    private static String show(Object value) {
        return value instanceof byte[] bytes ? Arrays.toString(bytes) : String.valueOf(value);
    }

    private static void fails(int code, Run run) throws Exception {
        try {
            run.run();
        } catch (SQLException error) {
            equal(error.getErrorCode(), code);
            if (!error.getMessage().contains("SQLCODE: <-" + code + ">")) {
                throw new AssertionError("text: " + error.getMessage());
            }
            return;
        }
        throw new AssertionError("no error, expected " + code);
    }

    private static Connection connect() throws SQLException {
        String url = "jdbc:IRIS://127.0.0.1:" + System.getenv("IRIS_PORT") + "/USER";
        return DriverManager.getConnection(url, "_SYSTEM", "SYS");
    }

    private static void execute(Connection c, String sql) throws SQLException {
        try (Statement s = c.createStatement()) {
            s.execute(sql);
        }
    }

    private static void create(Connection c, String table, String columns) throws SQLException {
        execute(c, "DROP TABLE IF EXISTS " + table);
        execute(c, "CREATE TABLE " + table + " (" + columns + ")");
    }

    private static List<Object> first(Connection c, String sql) throws SQLException {
        List<Object> values = new ArrayList<>();
        try (Statement s = c.createStatement(); ResultSet r = s.executeQuery(sql)) {
            while (r.next()) {
                values.add(r.getObject(1));
            }
        }
        return values;
    }

    private static void types(Connection c) throws Exception {
        create(c, "jt", "id INTEGER PRIMARY KEY, b BIT, i INTEGER, bi BIGINT, n NUMERIC(18,4), f DOUBLE, s VARCHAR(40), d DATE,"
                + " t TIME, ts TIMESTAMP, vb VARBINARY(100)");
        try (PreparedStatement p = c.prepareStatement("INSERT INTO jt VALUES (?,?,?,?,?,?,?,?,?,?,?)")) {
            p.setInt(1, 1);
            p.setBoolean(2, true);
            p.setInt(3, -7);
            p.setLong(4, Long.MAX_VALUE);
            p.setBigDecimal(5, new BigDecimal("-1234.5"));
            p.setDouble(6, 1.5);
            p.setString(7, "\u0436\u0443\u043a \ud83d\ude00");
            p.setDate(8, Date.valueOf("2024-01-02"));
            p.setTime(9, Time.valueOf("03:04:05"));
            p.setTimestamp(10, Timestamp.valueOf("2024-01-02 03:04:05.678901"));
            p.setBytes(11, new byte[] {0, -1, -128});
            equal(p.executeUpdate(), 1);
            for (int column = 2; column <= 11; column++) {
                p.setNull(column, Types.VARCHAR);
            }
            p.setInt(1, 2);
            equal(p.executeUpdate(), 1);
            p.setInt(1, 3);
            p.setString(7, "");
            equal(p.executeUpdate(), 1);
        }
        try (Statement s = c.createStatement(); ResultSet r = s.executeQuery("SELECT * FROM jt ORDER BY id")) {
            r.next();
            equal(r.getObject(2), true);
            equal(r.getObject(3), -7);
            equal(r.getObject(4), Long.MAX_VALUE);
            equal(r.getBigDecimal(5), new BigDecimal("-1234.5000"));
            equal(r.getObject(6), 1.5);
            equal(r.getString(7), "\u0436\u0443\u043a \ud83d\ude00");
            equal(r.getDate(8), Date.valueOf("2024-01-02"));
            equal(r.getTime(9), Time.valueOf("03:04:05"));
            equal(r.getTimestamp(10), Timestamp.valueOf("2024-01-02 03:04:05.678901"));
            equal(r.getBytes(11), new byte[] {0, -1, -128});
            equal(r.getString(8), "2024-01-02");
            r.next();
            for (int column = 2; column <= 11; column++) {
                equal(r.getObject(column), null);
            }
            r.next();
            equal(r.getString("s"), "");
            equal(r.next(), false);
        }
    }

    private static void metadata(Connection c) throws Exception {
        create(c, "jm", "id INTEGER PRIMARY KEY, n NUMERIC(12,2), s VARCHAR(40) NOT NULL");
        try (PreparedStatement p = c.prepareStatement("SELECT id, n AS amount, s FROM jm WHERE id = ?")) {
            equal(p.getParameterMetaData().getParameterCount(), 1);
            p.setInt(1, 1);
            try (ResultSet r = p.executeQuery()) {
                ResultSetMetaData m = r.getMetaData();
                equal(m.getColumnCount(), 3);
                equal(m.getColumnLabel(2), "amount");
                equal(List.of(m.getColumnType(1), m.getColumnType(2), m.getColumnType(3)),
                        List.of(Types.INTEGER, Types.NUMERIC, Types.VARCHAR));
                equal(List.of(m.getPrecision(2), m.getScale(2)), List.of(12, 2));
                equal(m.isNullable(3), ResultSetMetaData.columnNoNulls);
                equal(r.next(), false);
            }
        }
    }

    private static void batches(Connection c) throws Exception {
        create(c, "jb", "id INTEGER PRIMARY KEY, name VARCHAR(40)");
        try (PreparedStatement p = c.prepareStatement("INSERT INTO jb VALUES (?, ?)")) {
            for (int n = 0; n < 1000; n++) {
                p.setInt(1, n);
                p.setString(2, "row " + n);
                p.addBatch();
            }
            equal(Arrays.stream(p.executeBatch()).sum(), 1000);
            for (int n : new int[] {2000, 2000, 2001}) {
                p.setInt(1, n);
                p.setString(2, "x");
                p.addBatch();
            }
            try {
                p.executeBatch();
                throw new AssertionError("no error");
            } catch (BatchUpdateException error) {
                equal(error.getErrorCode(), 119);
                equal(error.getUpdateCounts()[0], 1);
            }
        }
        try (Statement s = c.createStatement()) {
            s.addBatch("INSERT INTO jb VALUES (5000, 'a')");
            s.addBatch("UPDATE jb SET name = 'z' WHERE id >= 998 AND id < 1000");
            s.addBatch("DELETE FROM jb WHERE id = 5000");
            equal(s.executeBatch(), new int[] {1, 2, 1});
        }
        equal(first(c, "SELECT COUNT(*) FROM jb WHERE name = 'z'").toString(), "[2]");
    }

    private static void keys(Connection c) throws Exception {
        create(c, "jk", "id IDENTITY, v VARCHAR(10)");
        try (PreparedStatement p = c.prepareStatement("INSERT INTO jk (v) VALUES (?)", Statement.RETURN_GENERATED_KEYS)) {
            List<Long> ids = new ArrayList<>();
            for (String v : List.of("a", "b")) {
                p.setString(1, v);
                p.executeUpdate();
                try (ResultSet r = p.getGeneratedKeys()) {
                    while (r.next()) {
                        ids.add(r.getLong(1));
                    }
                }
            }
            equal(ids, List.of(1L, 2L));
        }
    }

    private static void transactions(Connection c) throws Exception {
        create(c, "jx", "a INTEGER PRIMARY KEY");
        c.setAutoCommit(false);
        execute(c, "INSERT INTO jx VALUES (1)");
        c.rollback();
        execute(c, "INSERT INTO jx VALUES (2)");
        c.commit();
        execute(c, "INSERT INTO jx VALUES (3)");
        var savepoint = c.setSavepoint("sp");
        execute(c, "INSERT INTO jx VALUES (4)");
        c.rollback(savepoint);
        c.setAutoCommit(true);
        equal(first(c, "SELECT a FROM jx ORDER BY a").toString(), "[2, 3]");
        for (int level : new int[] {Connection.TRANSACTION_READ_COMMITTED, Connection.TRANSACTION_READ_UNCOMMITTED}) {
            c.setTransactionIsolation(level);
            equal(c.getTransactionIsolation(), level);
        }
    }

    private static void streams(Connection c) throws Exception {
        create(c, "js", "id INTEGER PRIMARY KEY, txt LONGVARCHAR, bin LONGVARBINARY");
        String text = "a\ud83d\ude00b\u0436".repeat(60_000);
        byte[] data = new byte[300_000];
        for (int n = 0; n < data.length; n++) {
            data[n] = (byte) n;
        }
        try (PreparedStatement p = c.prepareStatement("INSERT INTO js VALUES (?, ?, ?)")) {
            p.setInt(1, 1);
            p.setCharacterStream(2, new StringReader(text));
            p.setBytes(3, data);
            p.executeUpdate();
            p.setInt(1, 2);
            p.setString(2, "short");
            p.setBytes(3, new byte[] {1, 2});
            p.executeUpdate();
        }
        try (Statement s = c.createStatement(); ResultSet r = s.executeQuery("SELECT txt, bin FROM js ORDER BY id")) {
            r.next();
            if (!text.equals(r.getString(1))) {
                throw new AssertionError("long text differs");
            }
            equal(r.getBytes(2), data);
            Clob clob = r.getClob(1);
            equal(clob.length(), (long) text.length());
            equal(clob.getSubString(2, 3), text.substring(1, 4));
            equal(clob.position("b\u0436a", 1), (long) text.indexOf("b\u0436a") + 1);
            Blob blob = r.getBlob(2);
            equal(blob.getBytes(257, 3), new byte[] {0, 1, 2});
            var reader = r.getCharacterStream(1);
            StringBuilder read = new StringBuilder();
            char[] buffer = new char[10_000];
            for (int n = reader.read(buffer); n > 0; n = reader.read(buffer)) {
                read.append(buffer, 0, n);
            }
            if (!text.contentEquals(read)) {
                throw new AssertionError("text read in pieces differs");
            }
            r.next();
            equal(r.getString(1), "short");
            equal(r.getBytes(2), new byte[] {1, 2});
        }
    }

    private static void pages(Connection c) throws Exception {
        create(c, "jp", "i INTEGER PRIMARY KEY, filler VARCHAR(200)");
        int count = 100_000;
        try (PreparedStatement p = c.prepareStatement("INSERT INTO jp VALUES (?, ?)")) {
            for (int n = 0; n < count; n++) {
                p.setInt(1, n);
                p.setString(2, "p".repeat(150));
                p.addBatch();
            }
            p.executeBatch();
        }
        try (Statement s = c.createStatement(); Statement inner = c.createStatement();
                ResultSet r = s.executeQuery("SELECT i, filler FROM jp ORDER BY i")) {
            for (int n = 0; n < count; n++) {
                r.next();
                equal(r.getInt(1), n);
                if (n % 25_000 == 0) {
                    try (ResultSet one = inner.executeQuery("SELECT i FROM jp WHERE i = " + n)) {
                        one.next();
                        equal(one.getInt(1), n);
                    }
                }
            }
            equal(r.next(), false);
        }
        try (Statement s = c.createStatement()) {
            ResultSet abandoned = s.executeQuery("SELECT i, filler FROM jp ORDER BY i");
            abandoned.next();
            abandoned.close();
            s.setMaxRows(7);
            ResultSet limited = s.executeQuery("SELECT i FROM jp ORDER BY i");
            int rows = 0;
            while (limited.next()) {
                rows++;
            }
            equal(rows, 7);
        }
    }

    private static void scroll(Connection c) throws Exception {
        create(c, "jc", "i INTEGER PRIMARY KEY");
        try (PreparedStatement p = c.prepareStatement("INSERT INTO jc VALUES (?)")) {
            for (int n = 1; n <= 25; n++) {
                p.setInt(1, n);
                p.addBatch();
            }
            p.executeBatch();
        }
        try (Statement s = c.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_READ_ONLY);
                ResultSet r = s.executeQuery("SELECT i FROM jc ORDER BY i")) {
            equal(r.last(), true);
            equal(List.of(r.getRow(), r.getInt(1)), List.of(25, 25));
            equal(r.absolute(12), true);
            equal(r.getInt(1), 12);
            equal(r.previous(), true);
            equal(r.getInt(1), 11);
            equal(r.absolute(-2), true);
            equal(r.getInt(1), 24);
            r.beforeFirst();
            int sum = 0;
            while (r.next()) {
                sum += r.getInt(1);
            }
            equal(sum, 325);
        }
    }

    private static void cancel(Connection c) throws Exception {
        create(c, "jq", "i INTEGER");
        try (PreparedStatement p = c.prepareStatement("INSERT INTO jq VALUES (?)")) {
            for (int n = 0; n < 3000; n++) {
                p.setInt(1, n);
                p.addBatch();
            }
            p.executeBatch();
        }
        String slow = "SELECT SUM(a.i * b.i * c.i) FROM jq a, jq b, jq c";
        try (Statement s = c.createStatement()) {
            Thread killer = new Thread(() -> {
                try {
                    Thread.sleep(700);
                    s.cancel();
                } catch (InterruptedException | SQLException error) {
                    System.out.println("cancel: " + error);
                }
            });
            killer.start();
            fails(456, () -> s.executeQuery(slow));
            killer.join();
            s.setQueryTimeout(1);
            fails(450, () -> s.executeQuery(slow));
        }
        equal(first(c, "SELECT COUNT(*) FROM jq").toString(), "[3000]");
    }

    private static void errors(Connection c) throws Exception {
        create(c, "je", "id INTEGER PRIMARY KEY, n INTEGER NOT NULL");
        execute(c, "INSERT INTO je VALUES (1, 1)");
        fails(30, () -> first(c, "SELECT * FROM nowhere"));
        fails(29, () -> first(c, "SELECT nothing FROM je"));
        fails(119, () -> execute(c, "INSERT INTO je VALUES (1, 2)"));
        fails(108, () -> execute(c, "INSERT INTO je (id) VALUES (2)"));
        equal(first(c, "SELECT n FROM je").toString(), "[1]");
        equal(c.isValid(5), true);
        equal(c.getSchema(), "SQLUser");
        try (Connection wrong = DriverManager.getConnection(
                "jdbc:IRIS://127.0.0.1:" + System.getenv("IRIS_PORT") + "/USER", "_SYSTEM", "wrong")) {
            throw new AssertionError("a wrong password was accepted by " + wrong);
        } catch (SQLException error) {
            if (!error.getMessage().contains("Access Denied")) {
                throw error;
            }
        }
    }

    private static List<String> names(ResultSet r, String column) throws SQLException {
        List<String> names = new ArrayList<>();
        try (r) {
            while (r.next()) {
                names.add(r.getString(column).toLowerCase());
            }
        }
        return names;
    }

    private static void catalogue(Connection c) throws Exception {
        execute(c, "DROP TABLE IF EXISTS jt_child");
        create(c, "jt_parent", "id INTEGER PRIMARY KEY, code VARCHAR(20) NOT NULL");
        create(c, "jt_child", "id INTEGER PRIMARY KEY, parent_id INTEGER, amt NUMERIC(12,2),"
                + " FOREIGN KEY (parent_id) REFERENCES jt_parent(id)");
        execute(c, "CREATE UNIQUE INDEX jt_pcode ON jt_parent(code)");
        DatabaseMetaData m = c.getMetaData();
        if (!names(m.getSchemas(), "TABLE_SCHEM").contains("sqluser")) {
            throw new AssertionError("schema SQLUser is missing");
        }
        equal(names(m.getTables(null, "SQLUser", "jt\\_child", new String[] {"TABLE"}), "TABLE_NAME"), List.of("jt_child"));
        equal(names(m.getTables(null, "SQLUser", "jt\\_%", new String[] {"VIEW"}), "TABLE_NAME"), List.of());
        equal(names(m.getTables(null, "SQLUser", "jt\\_%", null), "TABLE_NAME"), List.of("jt_child", "jt_parent"));
        equal(names(m.getColumns(null, "SQLUser", "jt\\_child", "%"), "COLUMN_NAME"), List.of("id", "parent_id", "amt"));
        try (ResultSet r = m.getColumns(null, "SQLUser", "jt\\_child", "amt")) {
            r.next();
            equal(List.of(r.getInt("DATA_TYPE"), r.getInt("COLUMN_SIZE"), r.getInt("DECIMAL_DIGITS")),
                    List.of(Types.NUMERIC, 12, 2));
            equal(r.getString("IS_NULLABLE"), "YES");
        }
        equal(names(m.getPrimaryKeys(null, "SQLUser", "jt_child"), "COLUMN_NAME"), List.of("id"));
        equal(names(m.getImportedKeys(null, "SQLUser", "jt_child"), "PKTABLE_NAME"), List.of("jt_parent"));
        equal(names(m.getExportedKeys(null, "SQLUser", "jt_parent"), "FKCOLUMN_NAME"), List.of("parent_id"));
        equal(names(m.getCrossReference(null, "SQLUser", "jt_parent", null, "SQLUser", "jt_child"), "FKTABLE_NAME"),
                List.of("jt_child"));
        if (!names(m.getIndexInfo(null, "SQLUser", "jt_parent", true, false), "INDEX_NAME").contains("jt_pcode")) {
            throw new AssertionError("unique index is missing");
        }
        equal(names(m.getBestRowIdentifier(null, "SQLUser", "jt_parent", 0, true), "COLUMN_NAME"), List.of("id"));
        equal(names(m.getProcedures(null, "%", "%"), "PROCEDURE_NAME"), List.of());
        if (names(m.getTypeInfo(), "TYPE_NAME").size() < 14 || !names(m.getTableTypes(), "TABLE_TYPE").contains("view")) {
            throw new AssertionError("types are missing");
        }
        equal(names(m.getTablePrivileges(null, "SQLUser", "jt_parent"), "GRANTEE"), List.of());
    }

    /** More texts than the driver keeps: it forgets the oldest (UC) and goes on using those the program holds. */
    private static void manyTexts(Connection c) throws Exception {
        create(c, "jn", "i INTEGER");
        try (PreparedStatement held = c.prepareStatement("INSERT INTO jn VALUES (?)")) {
            held.setInt(1, 1);
            held.executeUpdate();
            for (int n = 0; n < 700; n++) {
                equal(first(c, "SELECT i AS c" + n + " FROM jn").size(), 1);
            }
            held.setInt(1, 2);
            equal(held.executeUpdate(), 1);
        }
        equal(first(c, "SELECT COUNT(*) FROM jn").toString(), "[2]");
    }

    public static void main(String[] arguments) throws Exception {
        interface Part {
            void run(Connection c) throws Exception;
        }
        record Named(String name, Part part) { }
        List<Named> parts = List.of(new Named("types", Check::types), new Named("metadata", Check::metadata),
                new Named("batches", Check::batches), new Named("generated keys", Check::keys),
                new Named("transactions", Check::transactions), new Named("streams", Check::streams),
                new Named("pages", Check::pages), new Named("scrollable results", Check::scroll),
                new Named("cancel and timeout", Check::cancel), new Named("errors", Check::errors),
                new Named("catalogue", Check::catalogue), new Named("many texts", Check::manyTexts));
        for (Named part : parts) {
            check(part.name(), () -> {
                try (Connection c = connect()) {
                    part.part().run(c);
                }
            });
        }
        System.out.println(passed + " passed, " + failed + " failed");
        System.exit(failed == 0 && passed > 0 ? 0 : 1);
    }
}
