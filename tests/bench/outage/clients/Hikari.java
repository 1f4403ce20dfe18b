// Writes by JDBC through HikariCP, which keeps two connections. A connection that has shown an error is not used
// again. Arguments: the URL, the user, the statement, which returns the server.

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;

public class Hikari {
    static final long EVERY = 10_000_000;

    public static void main(String[] arguments) throws InterruptedException {
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl(arguments[0]);
        config.setUsername(arguments[1]);
        config.setPassword("");
        config.setMaximumPoolSize(2);
        config.setConnectionTimeout(1000);
        config.setValidationTimeout(500);
        config.setInitializationFailTimeout(-1);
        HikariDataSource pool = new HikariDataSource(config);
        long due = System.nanoTime();
        while (true) {
            write(pool, arguments[2]);
            long now = System.nanoTime();
            due = Math.max(due + EVERY, now);
            Thread.sleep((due - now) / 1_000_000);
        }
    }

    static void write(HikariDataSource pool, String statement) {
        try (Connection connection = pool.getConnection()) {
            try (Statement work = connection.createStatement();
                    ResultSet row = work.executeQuery(statement)) {
                row.next();
                tell("ok", row.getString(1));
            } catch (SQLException error) {
                pool.evictConnection(connection);
                throw error;
            }
        } catch (SQLException error) {
            tell("error", String.valueOf(error.getMessage()).replaceAll("\\s+", " "));
        }
    }

    static void tell(String word, String detail) {
        // CLOCK_MONOTONIC, as on every Linux.
        System.out.println(System.nanoTime() + " " + word + " " + detail);
        System.out.flush();
    }
}
