import com.huaweicloud.sdk.core.ClientBuilder;
import com.huaweicloud.sdk.core.auth.BasicCredentials;
import com.huaweicloud.sdk.core.exception.ServiceResponseException;
import com.huaweicloud.sdk.drs.v5.DrsClient;
import com.huaweicloud.sdk.drs.v5.model.DatabaseObject;
import com.huaweicloud.sdk.drs.v5.model.DbObject;
import com.huaweicloud.sdk.drs.v5.model.ShowUpdateObjectSavingStatusRequest;
import com.huaweicloud.sdk.drs.v5.model.TableObject;
import com.huaweicloud.sdk.drs.v5.model.TargetRootDb;
import com.huaweicloud.sdk.drs.v5.model.UpdateJobReq;
import com.huaweicloud.sdk.drs.v5.model.UpdateJobRequest;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;

/**
 * Drives a job by the official SDK for Java through its whole life, and sees how it reports errors.
 *
 * <p>{@code Drive LINK NAME}; LINK is mysql-to-kafka, taurus-to-kafka or oracle-to-gaussdbv5. Prints "ok STEP" for each step;
 * ends with 1 and words at the first that fails. The environment is that of the program in Go.
 */
final class Drive {
    /** Longest wait for a state; the tests run on busy machines. */
    private static final Duration WAIT_MAX = Duration.ofSeconds(180);
    private static final int WAIT_STEP_MS = 100;
    /** No job has this id. */
    private static final String NO_JOB = "00000000-0000-4000-8000-000000000000";

    /** What differs between the links. Each method is one or a few calls of the SDK. */
    interface Link {
        /** Makes a job and returns its id. */
        String create(String name);

        void connect(String id);

        void save(String id);

        /** Sends a policy that lacks a needed member. */
        void incomplete(String id);

        void policy(String id);

        void precheck(String id);

        void start(String id);

        void pause(String id);

        void resume(String id);

        void end(String id);

        void delete(String id);

        String status(String id);

        /** Sees that what was given at the creation is told again. */
        void detail(String id, String name);

        /** Sees that the full phase is told to be done. */
        void progress(String id);

        /** Names of the jobs of this id or name. */
        List<String> list(String id, String name);

        Codes codes();
    }

    /** How calls are refused that name a job that never was, or a deleted one, or that lack a member. */
    record Codes(String noJob, String gone, String missing, String member) {}

    public static void main(String[] arguments) {
        if (arguments.length != 2) {
            fail("Drive LINK NAME");
        }
        String engine = arguments[0];
        if (engine.equals("oracle-to-gaussdbv5")) {
            TargetRootDb root = new TargetRootDb().withDbName(env("TARGET_DATABASE")).withDbEncoding("utf8");
            drive(new Oracle(env("SK")), new Oracle("wrong"), selection(root), arguments[1]);
        } else {
            drive(new Kafka(engine, env("SK")), new Kafka(engine, "wrong"), selection(null), arguments[1]);
        }
        // The SDK's HTTP client has threads that would keep the process for a minute.
        System.exit(0);
    }

    /** The life of one job. */
    private static void drive(Link link, Link wrongKey, DbObject objects, String name) {
        String[] made = new String[1];
        ok("create", () -> made[0] = link.create(name));
        String id = made[0];
        ok("is made", () -> await(link, id, "CONFIGURATION"));
        ok("connect", () -> link.connect(id));
        ok("save", () -> link.save(id));
        refused("a missing member", () -> link.incomplete(id), 400, link.codes().missing(), link.codes().member());
        ok("policy", () -> link.policy(id));
        ok("objects", () -> choose(id, objects));
        ok("precheck", () -> link.precheck(id));
        ok("start", () -> link.start(id));
        ok("runs", () -> await(link, id, "INCRE_TRANSFER_STARTED"));
        ok("detail", () -> link.detail(id, name));
        ok("progress", () -> link.progress(id));
        ok("list", () -> same(link.list(id, name), List.of(name)));
        ok("pause", () -> {
            link.pause(id);
            await(link, id, "PAUSING");
        });
        ok("resume", () -> {
            link.resume(id);
            await(link, id, "INCRE_TRANSFER_STARTED");
        });
        ok("end", () -> {
            link.end(id);
            await(link, id, "RELEASE_RESOURCE_COMPLETE");
        });
        ok("delete", () -> link.delete(id));
        refused("it is gone", () -> link.status(id), 400, link.codes().gone(), "job");
        refused("no such job", () -> link.status(NO_JOB), 400, link.codes().noJob(), "does not exist");
        refused("a wrong key", () -> wrongKey.status(id), 401, "APIGW.0301", "aksk");
    }

    /** By v5 for every link: v3 has no names at the target. */
    private static void choose(String id, DbObject objects) {
        DrsClient client = client(DrsClient.newBuilder(), env("SK"));
        String query = client.updateJob(new UpdateJobRequest().withJobId(id).withBody(body -> body.withJob(job -> job
            .withType(UpdateJobReq.TypeEnum.DB_OBJECT).withParams(params -> params.withDbObject(objects))))).getId();
        var request = new ShowUpdateObjectSavingStatusRequest().withJobId(id).withQueryId(query);
        until("the objects to be saved", () -> {
            String status = client.showUpdateObjectSavingStatus(request).getStatus().getValue();
            require(!status.equals("failed"), "the objects were not saved");
            return status.equals("success");
        });
    }

    private static DbObject selection(TargetRootDb root) {
        Map<String, TableObject> tables = Arrays.stream(env("TABLES").split(",")).collect(Collectors.toMap(table -> table,
            table -> new TableObject().withName(table).withType(TableObject.TypeEnum.TABLE).withAll(true)));
        return new DbObject().withObjectScope(DbObject.ObjectScopeEnum.TABLE).withTargetRootDb(root)
            .withObjectInfo(Map.of(env("SELECT"), new DatabaseObject().withName(env("SELECT")).withTables(tables)));
    }

    static <T> T client(ClientBuilder<T> builder, String sk) {
        var credentials = new BasicCredentials().withAk(env("AK")).withSk(sk).withProjectId(env("PROJECT"));
        return builder.withCredential(credentials).withEndpoints(List.of(env("ENDPOINT"))).build();
    }

    /** A variable of the environment, without its prefix. */
    static String env(String name) {
        String value = System.getenv("TAILRACE_" + name);
        return value != null ? value : fail("TAILRACE_" + name + " is not set");
    }

    /** The host of {@code SOURCE} or {@code TARGET}. */
    static String host(String side) {
        return env(side).substring(0, env(side).lastIndexOf(':'));
    }

    static String port(String side) {
        return env(side).substring(env(side).lastIndexOf(':') + 1);
    }

    private static void await(Link link, String id, String wanted) {
        until("the job to be " + wanted, () -> {
            String status = link.status(id);
            require(!status.endsWith("_FAILED"), "the job is " + status + ", not " + wanted);
            return status.equals(wanted);
        });
    }

    static void until(String what, BooleanSupplier look) {
        Instant end = Instant.now().plus(WAIT_MAX);
        while (!look.getAsBoolean()) {
            require(Instant.now().isBefore(end), "waited " + WAIT_MAX.toSeconds() + " s in vain for " + what);
            try {
                Thread.sleep(WAIT_STEP_MS);
            } catch (InterruptedException interrupted) {
                throw new IllegalStateException(interrupted);
            }
        }
    }

    private static void ok(String step, Runnable run) {
        try {
            run.run();
        } catch (RuntimeException error) {
            fail(step + ": " + error);
        }
        System.out.println("ok " + step);
    }

    /** The call has to end in the SDK's own exception with this status and code, a text with this in it, and a request id. */
    private static void refused(String step, Runnable call, int status, String code, String text) {
        ok(step, () -> {
            try {
                call.run();
            } catch (ServiceResponseException error) {
                boolean asWanted = error.getHttpStatusCode() == status && code.equals(error.getErrorCode())
                    && error.getErrorMsg().contains(text) && error.getRequestId().matches("[0-9a-f]{32}");
                require(asWanted, "wanted " + status + " " + code + " with \"" + text + "\", got " + error);
                return;
            }
            require(false, "it was not refused");
        });
    }

    static void same(Object found, Object wanted) {
        require(Objects.equals(found, wanted), "wanted " + wanted + ", got " + found);
    }

    static void require(boolean holds, String otherwise) {
        if (!holds) {
            throw new IllegalStateException(otherwise);
        }
    }

    private static String fail(String words) {
        System.err.println(words);
        System.exit(1);
        return words;
    }

    private Drive() {}
}
