import com.huaweicloud.sdk.drs.v3.DrsClient;
import com.huaweicloud.sdk.drs.v3.model.*;
import java.util.Arrays;
import java.util.List;

/** The links to Kafka, by the batch calls of v3, each for one job. */
final class Kafka implements Drive.Link {
    private final DrsClient c3;
    private final String engine;
    private final String source;

    Kafka(String engine, String sk) {
        this.c3 = Drive.client(DrsClient.newBuilder(), sk);
        this.engine = engine;
        this.source = engine.substring(0, engine.indexOf('-'));
    }

    @Override
    public Drive.Codes codes() {
        return new Drive.Codes("DRS.M00289", "DRS.M05004", "DRS.M00201", "jobs[0].topic");
    }

    @Override
    public String create(String name) {
        CreateJobReq job = new CreateJobReq().withName(name).withDescription("made by Java")
            .withEngineType(CreateJobReq.EngineTypeEnum.valueOf(engine))
            .withDbUseType(CreateJobReq.DbUseTypeEnum.SYNC)
            .withJobDirection(CreateJobReq.JobDirectionEnum.NON_DBS)
            .withNetType(CreateJobReq.NetTypeEnum.VPC)
            .withNodeType(CreateJobReq.NodeTypeEnum.HIGH)
            .withTaskType(CreateJobReq.TaskTypeEnum.FULL_INCR_TRANS)
            .withCustomizeSutnetId("subnet-1")
            .withExpiredDays("14")
            .withTags(List.of(new ResourceTag().withKey("purpose").withValue("test")))
            .withSourceEndpoint(new Endpoint().withDbType(Endpoint.DbTypeEnum.valueOf(source)))
            .withTargetEndpoint(new Endpoint().withDbType(Endpoint.DbTypeEnum.KAFKA));
        var made = c3.batchCreateJobs(new BatchCreateJobsRequest().withBody(body -> body.withJobs(List.of(job)))).getResults().get(0);
        Drive.same(made.getStatus(), "CREATING");
        return made.getId();
    }

    @Override
    public void connect(String id) {
        TestEndPoint from = new TestEndPoint().withId(id).withEndPointType(TestEndPoint.EndPointTypeEnum.SO)
            .withDbType(TestEndPoint.DbTypeEnum.valueOf(source)).withNetType(TestEndPoint.NetTypeEnum.VPC)
            .withIp(Drive.host("SOURCE")).withDbPort(sourcePort())
            .withDbUser(Drive.env("SOURCE_USER")).withDbPassword(Drive.env("SOURCE_PASSWORD"));
        TestEndPoint to = new TestEndPoint().withId(id).withEndPointType(TestEndPoint.EndPointTypeEnum.TA)
            .withDbType(TestEndPoint.DbTypeEnum.KAFKA).withNetType(TestEndPoint.NetTypeEnum.VPC).withIp(Drive.env("TARGET"));
        var results = c3.batchValidateConnections(new BatchValidateConnectionsRequest()
            .withBody(body -> body.withJobs(List.of(from, to)))).getResults();
        Drive.require(results.size() == 2 && results.stream().allMatch(CheckJobResp::getSuccess), "no connection: " + results);
    }

    @Override
    public void save(String id) {
        ModifyJobReq job = new ModifyJobReq().withJobId(id).withStoreDbInfo(true)
            .withSourceEndpoint(new Endpoint().withDbType(Endpoint.DbTypeEnum.valueOf(source))
                .withIp(Drive.host("SOURCE")).withDbPort(sourcePort())
                .withDbUser(Drive.env("SOURCE_USER")).withDbPassword(Drive.env("SOURCE_PASSWORD")))
            .withTargetEndpoint(new Endpoint().withDbType(Endpoint.DbTypeEnum.KAFKA).withIp(Drive.env("TARGET")));
        var item = c3.batchUpdateJob(new BatchUpdateJobRequest().withBody(body -> body.withJobs(List.of(job)))).getResults().get(0);
        succeeded(item.getStatus(), item);
    }

    @Override
    public void incomplete(String id) {
        setPolicy(id, null);
    }

    @Override
    public void policy(String id) {
        setPolicy(id, Drive.env("TOPIC"));
    }

    private void setPolicy(String id, String topic) {
        SyncPolicyReq policy = new SyncPolicyReq().withJobId(id).withTopic(topic)
            .withTopicPolicy(SyncPolicyReq.TopicPolicyEnum._0)
            .withPartitionPolicy(SyncPolicyReq.PartitionPolicyEnum._0)
            .withKafkaDataFormat(SyncPolicyReq.KafkaDataFormatEnum.JSON);
        var item = c3.batchSetPolicy(new BatchSetPolicyRequest().withBody(body -> body.withJobs(List.of(policy)))).getResults().get(0);
        succeeded(item.getStatus(), item);
    }

    @Override
    public void precheck(String id) {
        PreCheckInfo check = new PreCheckInfo().withJobId(id).withPrecheckMode(PreCheckInfo.PrecheckModeEnum.FORSTARTJOB);
        var item = c3.batchCheckJobs(new BatchCheckJobsRequest().withBody(body -> body.withJobs(List.of(check)))).getResults().get(0);
        succeeded(item.getStatus(), item);
        var request = new BatchCheckResultsRequest().withBody(body -> body.withJobs(List.of(id)));
        Drive.until("the precheck", () -> "100%".equals(c3.batchCheckResults(request).getResults().get(0).getProcess()));
        Drive.same(c3.batchCheckResults(request).getResults().get(0).getTotalPassedRate(), "100%");
    }

    @Override
    public void start(String id) {
        StartInfo job = new StartInfo().withJobId(id);
        var item = c3.batchStartJobs(new BatchStartJobsRequest().withBody(body -> body.withJobs(List.of(job)))).getResults().get(0);
        succeeded(item.getStatus(), item);
    }

    @Override
    public void pause(String id) {
        PauseInfo job = new PauseInfo().withJobId(id).withPauseMode(PauseInfo.PauseModeEnum.ALL);
        var item = c3.batchStopJobs(new BatchStopJobsRequest().withBody(body -> body.withJobs(List.of(job)))).getResults().get(0);
        succeeded(item.getStatus(), item);
    }

    @Override
    public void resume(String id) {
        RetryInfo job = new RetryInfo().withJobId(id);
        var item = c3.batchRestoreTask(new BatchRestoreTaskRequest().withBody(body -> body.withJobs(List.of(job)))).getResults().get(0);
        succeeded(item.getStatus(), item);
    }

    @Override
    public void end(String id) {
        remove(id, DeleteJobReq.DeleteTypeEnum.TERMINATE);
    }

    @Override
    public void delete(String id) {
        remove(id, DeleteJobReq.DeleteTypeEnum.DELETE);
    }

    private void remove(String id, DeleteJobReq.DeleteTypeEnum how) {
        DeleteJobReq job = new DeleteJobReq().withJobId(id).withDeleteType(how);
        var item = c3.batchDeleteJobs(new BatchDeleteJobsRequest().withBody(body -> body.withJobs(List.of(job)))).getResults().get(0);
        succeeded(item.getStatus(), item);
    }

    @Override
    public String status(String id) {
        return c3.batchListJobStatus(new BatchListJobStatusRequest().withBody(page(id))).getResults().get(0).getStatus().getValue();
    }

    @Override
    public void detail(String id, String name) {
        QueryJobResp job = c3.batchListJobDetails(new BatchListJobDetailsRequest().withBody(page(id))).getResults().get(0);
        Endpoint from = job.getSourceEndpoint();
        Drive.same(
            Arrays.asList(job.getId(), job.getName(), job.getStatus().getValue(), job.getDescription(), job.getTaskType().getValue(),
                from.getDbType().getValue(), from.getDbPort(), from.getDbPassword(), job.getTargetEndpoint().getIp(),
                job.getTags().get(0).getKey(), job.getTags().get(0).getValue(), job.getObjectInfos().get(0).getName()),
            Arrays.asList(id, name, "INCRE_TRANSFER_STARTED", "made by Java", "FULL_INCR_TRANS",
                source, sourcePort(), null, Drive.env("TARGET"),
                "purpose", "test", Drive.env("SELECT")));
    }

    @Override
    public void progress(String id) {
        var found = c3.batchListProgresses(new BatchListProgressesRequest().withBody(body -> body.withJobs(List.of(id)))).getResults().get(0);
        Drive.same(List.of(found.getJobId(), found.getProgress(), found.getTransferStatus()), List.of(id, "100", "INCRE_TRANSFER_STARTED"));
    }

    @Override
    public List<String> list(String id, String name) {
        var jobs = c3.showJobList(new ShowJobListRequest().withBody(body -> body.withCurPage(1).withPerPage(10).withName(id)
            .withDbUseType(QueryJobsReq.DbUseTypeEnum.SYNC))).getJobs();
        jobs.forEach(job -> Drive.same(job.getEngineType().getValue(), engine));
        return jobs.stream().map(JobInfo::getName).toList();
    }

    private static BatchQueryJobReqPage page(String id) {
        return new BatchQueryJobReqPage().withJobs(List.of(id)).withPageReq(new PageReq());
    }

    private static int sourcePort() {
        return Integer.parseInt(Drive.port("SOURCE"));
    }

    /** A batch call answers 2xx and tells the outcome of each job; whether that is a text or a constant differs by the call. */
    private static void succeeded(Object status, Object item) {
        Drive.require("success".equals(String.valueOf(status)), "refused: " + item);
    }
}
