import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** DatabaseMetaData over the sample schema: the server under test says what a PostgreSQL 16 says. */
final class Metadata {
    private Metadata() {}

    interface Ask {
        ResultSet ask(DatabaseMetaData metadata) throws SQLException;
    }

    interface Tell {
        Object tell(DatabaseMetaData metadata) throws SQLException;
    }

    /** Statistics, which the gateway's mirror has none of; OIDs inside names. */
    private static final Set<String> NOT_COMPARED = Set.of("CARDINALITY", "PAGES", "SPECIFIC_NAME");

    /** The owner of the tables, which each server names in its own way. */
    private static String owner(DatabaseMetaData metadata) throws SQLException {
        try (Statement st = metadata.getConnection().createStatement();
                ResultSet rs = st.executeQuery("SELECT tableowner FROM pg_tables WHERE tablename = 'customers'")) {
            rs.next();
            return rs.getString(1);
        }
    }

    private static List<String> rows(ResultSet rs, String owner) throws SQLException {
        List<String> rows = new ArrayList<>();
        ResultSetMetaData columns = rs.getMetaData();
        StringBuilder head = new StringBuilder();
        for (int n = 1; n <= columns.getColumnCount(); n++) {
            head.append(columns.getColumnLabel(n)).append(':').append(columns.getColumnTypeName(n)).append(' ');
        }
        rows.add(head.toString());
        while (rs.next()) {
            StringBuilder row = new StringBuilder();
            for (int n = 1; n <= columns.getColumnCount(); n++) {
                String value = rs.getString(n);
                boolean own = NOT_COMPARED.contains(columns.getColumnLabel(n)) || owner.equals(value);
                row.append(own ? "..." : value).append(" | ");
            }
            rows.add(row.toString());
        }
        rs.close();
        return rows;
    }

    private static Map<String, Ask> questions() {
        Map<String, Ask> q = new LinkedHashMap<>();
        String[] kinds = {"TABLE", "VIEW", "INDEX", "SEQUENCE"};
        q.put("getSchemas", DatabaseMetaData::getSchemas);
        q.put("getSchemas sales", m -> m.getSchemas(null, "sal%"));
        q.put("getTableTypes", DatabaseMetaData::getTableTypes);
        q.put("getTypeInfo", m -> m.getTypeInfo());
        q.put("getTables public", m -> m.getTables(null, "public", "%", null));
        q.put("getTables of kinds", m -> m.getTables(null, null, "%o%", kinds));
        q.put("getTables sales", m -> m.getTables(null, "sales", "inv%", new String[] {"TABLE"}));
        q.put("getTables nosuch", m -> m.getTables(null, null, "nosuch", null));
        q.put("getColumns public", m -> m.getColumns(null, "public", "%", "%"));
        q.put("getColumns sales", m -> m.getColumns(null, "sales", "%", "%"));
        q.put("getColumns like", m -> m.getColumns(null, null, "customers", "%me%"));
        q.put("getUDTs", m -> m.getUDTs(null, "public", "%", null));
        q.put("getVersionColumns", m -> m.getVersionColumns(null, "public", "customers"));
        q.put("getFunctions of pgvector", m -> m.getFunctions(null, "public", "vector_d%"));
        q.put("getFunctionColumns of pgvector", m -> m.getFunctionColumns(null, "public", "vector_dims", "%"));
        q.put("getProcedures", m -> m.getProcedures(null, "public", "%"));
        q.put("getClientInfoProperties", DatabaseMetaData::getClientInfoProperties);
        q.put("getCrossReference", m -> m.getCrossReference(null, "public", "customers", null, "public", "orders"));
        q.put("getImportedKeys across schemas", m -> m.getImportedKeys(null, "sales", "invoices"));
        q.put("getTablePrivileges", m -> m.getTablePrivileges(null, "public", "customers"));
        q.put("getColumnPrivileges", m -> m.getColumnPrivileges(null, "public", "customers", "na%"));
        for (String table : new String[] {"customers", "orders", "docs", "active_customers"}) {
            q.put("getPrimaryKeys " + table, m -> m.getPrimaryKeys(null, "public", table));
            q.put("getImportedKeys " + table, m -> m.getImportedKeys(null, "public", table));
            q.put("getExportedKeys " + table, m -> m.getExportedKeys(null, "public", table));
            q.put("getIndexInfo " + table, m -> m.getIndexInfo(null, "public", table, false, true));
            q.put("getIndexInfo unique " + table, m -> m.getIndexInfo(null, "public", table, true, false));
            q.put("getBestRowIdentifier " + table, m -> m.getBestRowIdentifier(null, "public", table, DatabaseMetaData.bestRowSession, true));
        }
        q.put("getPrimaryKeys without schema", m -> m.getPrimaryKeys(null, null, "invoices"));
        return q;
    }

    private static Map<String, Tell> facts() {
        Map<String, Tell> f = new LinkedHashMap<>();
        f.put("getDatabaseProductName", DatabaseMetaData::getDatabaseProductName);
        f.put("getMaxColumnNameLength", DatabaseMetaData::getMaxColumnNameLength);
        f.put("getIdentifierQuoteString", DatabaseMetaData::getIdentifierQuoteString);
        f.put("getUserName", DatabaseMetaData::getUserName);
        f.put("storesLowerCaseIdentifiers", DatabaseMetaData::storesLowerCaseIdentifiers);
        f.put("getDefaultTransactionIsolation", DatabaseMetaData::getDefaultTransactionIsolation);
        f.put("supportsTransactions", DatabaseMetaData::supportsTransactions);
        f.put("catalog", m -> m.getConnection().getCatalog());
        f.put("schema", m -> m.getConnection().getSchema());
        f.put("isolation", m -> m.getConnection().getTransactionIsolation());
        f.put("read only", m -> m.getConnection().isReadOnly());
        return f;
    }

    /** Columns and parameters of statements, without executing them. */
    private static List<String> described(Connection conn) throws SQLException {
        List<String> lines = new ArrayList<>();
        for (String sql : new String[] {
            "SELECT * FROM customers WHERE id = ? AND name LIKE ?",
            "SELECT c.name AS who, o.total, o.placed_at, count(*) AS n FROM customers c JOIN orders o ON o.customer_id = c.id WHERE o.total > ? GROUP BY 1, 2, 3",
            "INSERT INTO orders (customer_id, total, status, placed_at) VALUES (?, ?, ?, ?)",
            "SELECT embedding, id FROM docs ORDER BY embedding <-> ? LIMIT ?",
            "SELECT payload, issued, amount FROM sales.invoices WHERE invoice_no = ?",
            "UPDATE customers SET balance = balance + ? WHERE active = ?",
        }) {
            try (PreparedStatement ps = conn.prepareStatement(sql)) {
                ResultSetMetaData columns = ps.getMetaData();
                lines.add(sql);
                for (int n = 1; columns != null && n <= columns.getColumnCount(); n++) {
                    lines.add(columns.getColumnLabel(n) + " " + columns.getColumnTypeName(n) + " " + columns.getColumnType(n) + " " + columns.getPrecision(n)
                        + " " + columns.getScale(n) + " " + columns.isNullable(n) + " " + columns.isAutoIncrement(n) + " " + columns.getTableName(n)
                        + " " + columns.getSchemaName(n) + " " + columns.getColumnClassName(n));
                }
                for (int n = 1; n <= ps.getParameterMetaData().getParameterCount(); n++) {
                    lines.add("? " + ps.getParameterMetaData().getParameterTypeName(n) + " " + ps.getParameterMetaData().getParameterType(n));
                }
            }
        }
        return lines;
    }

    private static void same(List<String> got, List<String> expected) {
        if (!got.equals(expected)) {
            List<String> missing = new ArrayList<>(expected);
            missing.removeAll(got);
            List<String> more = new ArrayList<>(got);
            more.removeAll(expected);
            throw new AssertionError("missing " + missing.subList(0, Math.min(3, missing.size())) + ", more " + more.subList(0, Math.min(3, more.size())));
        }
    }

    /** getTypeInfo, without the types that only one of the servers has. */
    private static void common(List<String> got, List<String> expected) {
        if (got.size() < expected.size() - 40) {
            throw new AssertionError(got.size() + " types, expected about " + expected.size());
        }
        Map<String, String> types = new LinkedHashMap<>();
        expected.forEach(row -> types.put(row.split(" \\| ")[0], row));
        int found = 0;
        for (String row : got) {
            String other = types.get(row.split(" \\| ")[0]);
            if (other != null) {
                found++;
                if (!row.equals(other)) {
                    throw new AssertionError("got " + row + ", expected " + other);
                }
            }
        }
        for (String name : new String[] {"int4", "text", "timestamptz", "numeric", "jsonb", "uuid", "bytea", "vector"}) {
            if (got.stream().noneMatch(row -> row.startsWith(name + " | "))) {
                throw new AssertionError("no type " + name);
            }
        }
        if (found < 100) {
            throw new AssertionError("only " + found + " types in common");
        }
    }

    static void checks(Connection subject) throws SQLException {
        String port = System.getenv("REFERENCE16_PORT");
        try (Connection reference = DriverManager.getConnection(
                "jdbc:postgresql://127.0.0.1:" + port + "/" + System.getenv("PGDATABASE") + "?sslmode=disable", System.getenv("PGUSER"), System.getenv("PGPASSWORD"))) {
            DatabaseMetaData ours = subject.getMetaData();
            DatabaseMetaData theirs = reference.getMetaData();
            String ourOwner = owner(ours);
            String theirOwner = owner(theirs);
            questions().forEach((name, question) -> Check.check(name, () -> {
                List<String> got = rows(question.ask(ours), ourOwner);
                List<String> expected = rows(question.ask(theirs), theirOwner);
                if (name.startsWith("getTypeInfo")) {
                    common(got, expected);
                } else {
                    same(got, expected);
                }
            }));
            facts().forEach((name, fact) -> Check.check(name, () -> Check.equal(fact.tell(ours), fact.tell(theirs), name)));
            Check.check("metadata of prepared statements", () -> same(described(subject), described(reference)));
        }
    }
}
