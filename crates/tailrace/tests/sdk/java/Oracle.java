import com.huaweicloud.sdk.drs.v5.DrsClient;
import com.huaweicloud.sdk.drs.v5.model.*;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;

/** Oracle to GaussDB Distributed, by v5. */
final class Oracle implements Drive.Link {
    private final DrsClient c5;

    Oracle(String sk) {
        c5 = Drive.client(DrsClient.newBuilder(), sk);
    }

    @Override
    public Drive.Codes codes() {
        return new Drive.Codes("DRS.10000010", "DRS.10000010", "DRS.10000009", "job.params");
    }

    @Override
    public String create(String name) {
        JobBaseInfo base = new JobBaseInfo().withName(name).withDescription("made by Java").withExpiredDays("14")
            .withEngineType(JobBaseInfo.EngineTypeEnum.ORACLE_TO_GAUSSDBV5)
            .withJobType(JobBaseInfo.JobTypeEnum.SYNC)
            .withJobDirection(JobBaseInfo.JobDirectionEnum.UP)
            .withTaskType(JobBaseInfo.TaskTypeEnum.FULL_INCR_TRANS)
            .withNetType(JobBaseInfo.NetTypeEnum.EIP)
            .withChargingMode(JobBaseInfo.ChargingModeEnum.ON_DEMAND);
        CreateJobReq job = new CreateJobReq().withBaseInfo(base)
            .withSourceEndpoint(List.of(source())).withTargetEndpoint(List.of(target()))
            .withNodeInfo(node -> node.withSpec(spec -> spec.withNodeType(JobNodeSpecInfo.NodeTypeEnum.MEDIUM)));
        var made = c5.createJob(new CreateJobRequest().withBody(body -> body.withJob(job)));
        Drive.same(List.of(made.getName(), made.getStatus()), List.of(name, "CREATING"));
        return made.getId();
    }

    @Override
    public void connect(String id) {
        String query = act(id, ActionReq.ActionNameEnum.NETWORK, params -> params.withEndpoints(List.of(source(), target())));
        Drive.until("the connection test", () -> {
            var results = show(id, ShowJobDetailRequest.TypeEnum.NETWORK, query).getNetworkResults();
            if (results == null || results.isEmpty()) {
                return false;
            }
            Drive.require(results.size() == 2 && results.stream().allMatch(QueryNetworkResult::getSuccess), "no connection: " + results);
            return true;
        });
    }

    @Override
    public void save(String id) {
        update(id, UpdateJobReq.TypeEnum.NETWORK,
            new UpdateJob().withSourceEndpoint(List.of(source())).withTargetEndpoint(List.of(target())));
    }

    @Override
    public void incomplete(String id) {
        update(id, UpdateJobReq.TypeEnum.POLICY, null);
    }

    @Override
    public void policy(String id) {
        update(id, UpdateJobReq.TypeEnum.POLICY,
            new UpdateJob().withPolicyConfig(policy -> policy.withConflictPolicy(PolicyConfig.ConflictPolicyEnum.STOP)));
    }

    @Override
    public void precheck(String id) {
        String query = act(id, ActionReq.ActionNameEnum.PRECHECK, params -> params.withPrecheckMode("forStartJob"));
        Drive.until("the precheck", () -> {
            var result = show(id, ShowJobDetailRequest.TypeEnum.PRECHECK, query).getPrecheckResult();
            if (result == null || !"100%".equals(result.getProcess())) {
                return false;
            }
            Drive.same(result.getTotalPassedRate(), "100%");
            return true;
        });
    }

    @Override
    public void start(String id) {
        act(id, ActionReq.ActionNameEnum.START, params -> { });
    }

    @Override
    public void pause(String id) {
        act(id, ActionReq.ActionNameEnum.STOP, params -> params.withPauseMode("all"));
    }

    @Override
    public void resume(String id) {
        act(id, ActionReq.ActionNameEnum.RESTART, params -> { });
    }

    @Override
    public void end(String id) {
        act(id, ActionReq.ActionNameEnum.TERMINATE, params -> { });
    }

    @Override
    public void delete(String id) {
        c5.deleteJob(new DeleteJobRequest().withJobId(id));
    }

    @Override
    public String status(String id) {
        return show(id, ShowJobDetailRequest.TypeEnum.DETAIL, null).getStatus().getValue();
    }

    @Override
    public void detail(String id, String name) {
        JobDetailResp job = show(id, ShowJobDetailRequest.TypeEnum.DETAIL, null);
        JobEndpointInfo from = job.getSourceEndpoint().get(0);
        Drive.same(
            Arrays.asList(job.getId(), job.getBaseInfo().getName(), job.getStatus().getValue(), job.getBaseInfo().getDescription(),
                job.getBaseInfo().getEngineType().getValue(), from.getDbType().getValue(), from.getEndpoint().getDbPort(),
                from.getEndpoint().getDbPassword(), job.getPolicyConfig().getConflictPolicy().getValue()),
            Arrays.asList(id, name, "INCRE_TRANSFER_STARTED", "made by Java",
                "oracle-to-gaussdbv5", "oracle", Drive.port("SOURCE"),
                null, "stop"));
    }

    @Override
    public void progress(String id) {
        JobProgressInfo found = show(id, ShowJobDetailRequest.TypeEnum.PROGRESS, null).getProgressInfo();
        Drive.same(List.of(found.getProgress(), found.getTransferStatus()), List.of("100", "INCRE_TRANSFER_STARTED"));
    }

    @Override
    public List<String> list(String id, String name) {
        var request = new ListJobsRequest().withJobType(ListJobsRequest.JobTypeEnum.SYNC).withName(name)
            .withEngineType(ListJobsRequest.EngineTypeEnum.ORACLE_TO_GAUSSDBV5);
        return c5.listJobs(request).getJobs().stream().map(JobListResp::getName).toList();
    }

    /** The number by which the result of an action is asked for, where there is one. */
    private String act(String id, ActionReq.ActionNameEnum name, Consumer<ActionParams> params) {
        return c5.executeJobAction(new ExecuteJobActionRequest().withJobId(id)
            .withBody(body -> body.withJob(job -> job.withActionName(name).withActionParams(params)))).getQueryId();
    }

    private void update(String id, UpdateJobReq.TypeEnum type, UpdateJob params) {
        c5.updateJob(new UpdateJobRequest().withJobId(id).withBody(body -> body.withJob(job -> job.withType(type).withParams(params))));
    }

    private JobDetailResp show(String id, ShowJobDetailRequest.TypeEnum type, String query) {
        return c5.showJobDetail(new ShowJobDetailRequest().withJobId(id).withType(type).withQueryId(query)).getJob();
    }

    private static JobEndpointInfo source() {
        JobEndpointInfo end = endpoint("SOURCE").withDbType(JobEndpointInfo.DbTypeEnum.ORACLE)
            .withEndpointRole(JobEndpointInfo.EndpointRoleEnum.SO);
        end.getEndpoint().withEndpointName(BaseEndpoint.EndpointNameEnum.ORACLE).withDbName(Drive.env("SOURCE_DATABASE"));
        return end;
    }

    private static JobEndpointInfo target() {
        JobEndpointInfo end = endpoint("TARGET").withDbType(JobEndpointInfo.DbTypeEnum.GAUSSDBV5)
            .withEndpointRole(JobEndpointInfo.EndpointRoleEnum.TA);
        end.getEndpoint().withEndpointName(BaseEndpoint.EndpointNameEnum.CLOUD_GAUSSDBV5);
        return end;
    }

    private static JobEndpointInfo endpoint(String side) {
        BaseEndpoint base = new BaseEndpoint().withIp(Drive.host(side)).withDbPort(Drive.port(side))
            .withDbUser(Drive.env(side + "_USER")).withDbPassword(Drive.env(side + "_PASSWORD"));
        return new JobEndpointInfo().withEndpointType(JobEndpointInfo.EndpointTypeEnum.OFFLINE).withEndpoint(base)
            .withSsl(ssl -> ssl.withSslLink(false));
    }
}
