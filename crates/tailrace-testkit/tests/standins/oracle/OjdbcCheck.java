import java.io.Reader;
import java.math.BigDecimal;
import java.sql.Blob;
import java.sql.Clob;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Timestamp;
import java.util.Arrays;

/** Does what applications do, with ojdbc in its thin mode, and checks what comes back. */
public class OjdbcCheck {
    interface Call {
        void run() throws SQLException;
    }

    static void refused(int code, Call call) throws SQLException {
        try {
            call.run();
        } catch (SQLException e) {
            check(e.getErrorCode() == code, e.toString());
            return;
        }
        throw new AssertionError("ORA-" + code + " was wanted");
    }

    static void check(boolean holds, String what) {
        if (!holds) throw new AssertionError(what);
    }

    public static void main(String[] args) throws Exception {
        String url = "jdbc:oracle:thin:@//127.0.0.1:" + args[0] + "/standin", password = System.getenv("PASSWORD");
        refused(1017, () -> DriverManager.getConnection(url, "shop", "wrong"));
        refused(12514, () -> DriverManager.getConnection(url + "x", "shop", password));
        try (Connection c = DriverManager.getConnection(url, "shop", password); Statement s = c.createStatement()) {
            check(c.getMetaData().getDatabaseMajorVersion() == 19, "version");
            c.setAutoCommit(false);
            refused(942, () -> s.executeQuery("SELECT * FROM nothing"));
            s.execute("CREATE TABLE byjava (id NUMBER(10) PRIMARY KEY, name VARCHAR2(20), n NUMBER, ts TIMESTAMP(6), d DATE,"
                + " r RAW(8), t CLOB, b BLOB)");
            Timestamp at = Timestamp.valueOf("2026-11-30 01:02:03.123456");
            try (PreparedStatement p = c.prepareStatement("INSERT INTO byjava VALUES (?, ?, ?, ?, ?, ?, ?, ?)")) {
                for (int i = 1; i <= 300; i++) {
                    p.setInt(1, i);
                    p.setString(2, i % 2 == 0 ? null : "név " + i);
                    p.setBigDecimal(3, new BigDecimal("-0.5").multiply(BigDecimal.valueOf(i)));
                    p.setTimestamp(4, at);
                    p.setTimestamp(5, at);
                    p.setBytes(6, new byte[] {1, (byte) i});
                    p.setString(7, "text " + i);
                    p.setBytes(8, new byte[] {9, (byte) i});
                    p.addBatch();
                }
                check(Arrays.stream(p.executeBatch()).sum() == 300, "batch");
            }
            c.commit();
            try (PreparedStatement p = c.prepareStatement("SELECT * FROM byjava WHERE id > ? ORDER BY id")) {
                p.setFetchSize(50);
                for (int from : new int[] {100, 290}) {
                    p.setInt(1, from);
                    int count = 0;
                    try (ResultSet r = p.executeQuery()) {
                        while (r.next()) {
                            int i = r.getInt(1);
                            check(i == from + ++count, "id " + i);
                            check(java.util.Objects.equals(r.getString(2), i % 2 == 0 ? null : "név " + i), "name " + i);
                            check(r.getBigDecimal(3).compareTo(new BigDecimal("-0.5").multiply(BigDecimal.valueOf(i))) == 0, "n");
                            check(r.getTimestamp(4).equals(at), "ts " + r.getTimestamp(4));
                            check(r.getTimestamp(5).equals(Timestamp.valueOf("2026-11-30 01:02:03")), "d");
                            check(Arrays.equals(r.getBytes(6), new byte[] {1, (byte) i}), "r");
                            Clob t = r.getClob(7);
                            check(t.length() == ("text " + i).length() && t.getSubString(1, 100).equals("text " + i), "t");
                            Blob b = r.getBlob(8);
                            check(Arrays.equals(b.getBytes(1, 10), new byte[] {9, (byte) i}), "b");
                        }
                    }
                    check(count == 300 - from, "rows " + count);
                }
            }
            refused(1, () -> s.executeUpdate("INSERT INTO byjava (id) VALUES (7)"));
            check(s.executeUpdate("UPDATE byjava SET name = 'x' WHERE id <= 10") == 10, "updated");
            c.rollback();
            try (ResultSet r = s.executeQuery("SELECT COUNT(*) FROM byjava WHERE name = 'x'")) {
                check(r.next() && r.getInt(1) == 0, "rolled back");
            }
        }
        System.out.println("all is well");
    }
}
