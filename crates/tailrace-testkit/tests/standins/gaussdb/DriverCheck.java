import java.io.Reader;
import java.io.StringReader;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;

/** Logs in with a driver and does what applications do; says what it saw, a line each. */
public class DriverCheck {
    public static void main(String[] args) throws Exception {
        String driver = args[0], url = args[1], user = args[2], table = args[3];
        Class.forName(driver);
        try (Connection connection = DriverManager.getConnection(url, user, System.getenv("PASSWORD"))) {
            connection.setAutoCommit(false);
            try (Statement statement = connection.createStatement()) {
                statement.execute("CREATE TABLE " + table + " (id integer PRIMARY KEY, name VARCHAR2(20), at DATE)"
                    + " DISTRIBUTE BY HASH (id)");
            }
            try (PreparedStatement insert =
                    connection.prepareStatement("INSERT INTO " + table + " VALUES (?, ?, ?)")) {
                for (int i = 0; i < 3; i++) {
                    insert.setInt(1, i);
                    insert.setString(2, i == 0 ? "" : "név " + i);
                    insert.setTimestamp(3, java.sql.Timestamp.valueOf("2026-11-30 01:02:0" + i));
                    insert.addBatch();
                }
                System.out.println("batch " + insert.executeBatch().length);
            }
            connection.commit();
            String manager = driver.substring(0, driver.lastIndexOf('.')) + ".copy.CopyManager";
            Object copy = Class.forName(manager).getConstructors()[0].newInstance(connection);
            Object rows = copy.getClass().getMethod("copyIn", String.class, Reader.class)
                .invoke(copy, "COPY " + table + " FROM STDIN", new StringReader("7\t\t2026-11-30 00:00:00\n"));
            System.out.println("copied " + rows);
            connection.commit();
            try (Statement statement = connection.createStatement()) {
                statement.executeUpdate("UPDATE " + table + " SET id = 9 WHERE id = 1");
                System.out.println("updated");
            } catch (SQLException e) {
                System.out.println(e.getSQLState() + " " + e.getMessage().lines().findFirst().orElse(""));
                connection.rollback();
            }
            try (Statement statement = connection.createStatement();
                    ResultSet found = statement.executeQuery("SELECT id, name, at FROM " + table + " ORDER BY id")) {
                while (found.next()) {
                    System.out.println(found.getInt(1) + " " + found.getString(2) + " " + found.getTimestamp(3));
                }
            }
            System.out.println(connection.getMetaData().getDatabaseProductVersion());
        } catch (SQLException e) {
            System.out.println("failed: " + e.getSQLState() + " " + e.getMessage());
        }
    }
}
