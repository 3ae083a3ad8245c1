package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"

	v3 "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/drs/v3"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/drs/v3/model"
)

var kafkaCodes = codes{noJob: "DRS.M00289", gone: "DRS.M05004", missing: "DRS.M00201", member: "jobs[0].topic"}

// The links to Kafka, by the batch calls of v3, each for one job.
type kafka struct {
	c3     *v3.DrsClient
	engine model.CreateJobReqEngineType
	source model.EndpointDbType
	test   model.TestEndPointDbType
}

func newKafka(engine, sk string) kafka {
	client := v3.NewDrsClient(connect(v3.DrsClientBuilder(), sk))
	engines, types, tests := model.GetCreateJobReqEngineTypeEnum(), model.GetEndpointDbTypeEnum(), model.GetTestEndPointDbTypeEnum()
	switch engine {
	case engines.MYSQL_TO_KAFKA.Value():
		return kafka{client, engines.MYSQL_TO_KAFKA, types.MYSQL, tests.MYSQL}
	case engines.TAURUS_TO_KAFKA.Value():
		return kafka{client, engines.TAURUS_TO_KAFKA, types.TAURUS, tests.TAURUS}
	}
	fail("%s is no link", engine)
	return kafka{}
}

func (k kafka) create(name string) (string, error) {
	job := model.CreateJobReq{
		Name: name, EngineType: k.engine, Description: ptr("made by Go"), CustomizeSutnetId: "subnet-1",
		DbUseType:      model.GetCreateJobReqDbUseTypeEnum().SYNC,
		JobDirection:   model.GetCreateJobReqJobDirectionEnum().NON_DBS,
		NetType:        model.GetCreateJobReqNetTypeEnum().VPC,
		NodeType:       model.GetCreateJobReqNodeTypeEnum().HIGH,
		TaskType:       model.GetCreateJobReqTaskTypeEnum().FULL_INCR_TRANS,
		ExpiredDays:    ptr("14"),
		Tags:           &[]model.ResourceTag{{Key: ptr("purpose"), Value: ptr("test")}},
		SourceEndpoint: &model.Endpoint{DbType: &k.source},
		TargetEndpoint: &model.Endpoint{DbType: ptr(model.GetEndpointDbTypeEnum().KAFKA)},
	}
	answer, err := k.c3.BatchCreateJobs(&model.BatchCreateJobsRequest{Body: &model.BatchCreateJobReq{Jobs: []model.CreateJobReq{job}}})
	if err != nil {
		return "", err
	}
	made := (*answer.Results)[0]
	return made.Id, same(nil, value(made.Status), "CREATING")
}

func (k kafka) connect(id string) error {
	host, port := sourceAddress()
	roles, vpc := model.GetTestEndPointEndPointTypeEnum(), model.GetTestEndPointNetTypeEnum().VPC
	ends := []model.TestEndPoint{
		{Id: id, EndPointType: roles.SO, DbType: k.test, NetType: vpc, Ip: host, DbPort: &port,
			DbUser: os.Getenv("TAILRACE_SOURCE_USER"), DbPassword: os.Getenv("TAILRACE_SOURCE_PASSWORD")},
		{Id: id, EndPointType: roles.TA, DbType: model.GetTestEndPointDbTypeEnum().KAFKA, NetType: vpc,
			Ip: os.Getenv("TAILRACE_TARGET")},
	}
	answer, err := k.c3.BatchValidateConnections(&model.BatchValidateConnectionsRequest{Body: &model.BatchTestConnectionReq{Jobs: ends}})
	if err != nil {
		return err
	}
	for _, end := range *answer.Results {
		if !value(end.Success) {
			return fmt.Errorf("no connection: %v", end)
		}
	}
	return same(nil, len(*answer.Results), len(ends))
}

func (k kafka) save(id string) error {
	host, port := sourceAddress()
	change := model.ModifyJobReq{
		JobId: id, StoreDbInfo: ptr(true),
		SourceEndpoint: &model.Endpoint{DbType: &k.source, Ip: &host, DbPort: &port,
			DbUser: ptr(os.Getenv("TAILRACE_SOURCE_USER")), DbPassword: ptr(os.Getenv("TAILRACE_SOURCE_PASSWORD"))},
		TargetEndpoint: &model.Endpoint{DbType: ptr(model.GetEndpointDbTypeEnum().KAFKA), Ip: ptr(os.Getenv("TAILRACE_TARGET"))},
	}
	answer, err := k.c3.BatchUpdateJob(&model.BatchUpdateJobRequest{Body: &model.BatchModifyJobReq{Jobs: []model.ModifyJobReq{change}}})
	if err != nil {
		return err
	}
	return succeeded((*answer.Results)[0])
}

func (k kafka) policy(id string) error {
	return k.setPolicy(id, ptr(os.Getenv("TAILRACE_TOPIC")))
}

func (k kafka) incomplete(id string) error {
	return k.setPolicy(id, nil)
}

func (k kafka) setPolicy(id string, topic *string) error {
	policy := model.SyncPolicyReq{
		JobId: id, Topic: topic,
		TopicPolicy:     ptr(model.GetSyncPolicyReqTopicPolicyEnum().E_0),
		PartitionPolicy: ptr(model.GetSyncPolicyReqPartitionPolicyEnum().E_0),
		KafkaDataFormat: ptr(model.GetSyncPolicyReqKafkaDataFormatEnum().JSON),
	}
	answer, err := k.c3.BatchSetPolicy(&model.BatchSetPolicyRequest{Body: &model.BatchSetupSyncPolicyReq{Jobs: []model.SyncPolicyReq{policy}}})
	if err != nil {
		return err
	}
	return succeeded((*answer.Results)[0])
}

func (k kafka) precheck(id string) error {
	check := model.PreCheckInfo{JobId: id, PrecheckMode: model.GetPreCheckInfoPrecheckModeEnum().FOR_START_JOB}
	answer, err := k.c3.BatchCheckJobs(&model.BatchCheckJobsRequest{Body: &model.BatchPrecheckReq{Jobs: []model.PreCheckInfo{check}}})
	if err != nil {
		return err
	}
	if err := succeeded((*answer.Results)[0]); err != nil {
		return err
	}
	request := &model.BatchCheckResultsRequest{Body: &model.BatchQueryPrecheckResultReq{Jobs: []string{id}}}
	var result model.QueryPreCheckResp
	err = until("the precheck", func() (bool, error) {
		answer, err := k.c3.BatchCheckResults(request)
		if err != nil {
			return false, err
		}
		result = (*answer.Results)[0]
		return value(result.Process) == "100%", nil
	})
	return same(err, value(result.TotalPassedRate), "100%")
}

func (k kafka) start(id string) error {
	answer, err := k.c3.BatchStartJobs(&model.BatchStartJobsRequest{Body: &model.BatchStartJobReq{Jobs: []model.StartInfo{{JobId: id}}}})
	if err != nil {
		return err
	}
	return succeeded((*answer.Results)[0])
}

func (k kafka) pause(id string) error {
	pause := model.PauseInfo{JobId: id, PauseMode: model.GetPauseInfoPauseModeEnum().ALL}
	answer, err := k.c3.BatchStopJobs(&model.BatchStopJobsRequest{Body: &model.BatchPauseJobReq{Jobs: []model.PauseInfo{pause}}})
	if err != nil {
		return err
	}
	return succeeded((*answer.Results)[0])
}

func (k kafka) resume(id string) error {
	answer, err := k.c3.BatchRestoreTask(&model.BatchRestoreTaskRequest{Body: &model.BatchRetryReq{Jobs: []model.RetryInfo{{JobId: id}}}})
	if err != nil {
		return err
	}
	return succeeded((*answer.Results)[0])
}

func (k kafka) end(id string) error {
	return k.remove(id, model.GetDeleteJobReqDeleteTypeEnum().TERMINATE)
}

func (k kafka) delete(id string) error {
	return k.remove(id, model.GetDeleteJobReqDeleteTypeEnum().DELETE)
}

func (k kafka) remove(id string, how model.DeleteJobReqDeleteType) error {
	job := model.DeleteJobReq{JobId: id, DeleteType: how}
	answer, err := k.c3.BatchDeleteJobs(&model.BatchDeleteJobsRequest{Body: &model.BatchDeleteJobReq{Jobs: []model.DeleteJobReq{job}}})
	if err != nil {
		return err
	}
	return succeeded((*answer.Results)[0])
}

func (k kafka) status(id string) (string, error) {
	answer, err := k.c3.BatchListJobStatus(&model.BatchListJobStatusRequest{Body: page(id)})
	if err != nil {
		return "", err
	}
	return (*answer.Results)[0].Status.Value(), nil
}

func (k kafka) detail(id, name string) error {
	answer, err := k.c3.BatchListJobDetails(&model.BatchListJobDetailsRequest{Body: page(id)})
	if err != nil {
		return err
	}
	job := (*answer.Results)[0]
	_, port := sourceAddress()
	tag := (*job.Tags)[0]
	return same(nil,
		[]interface{}{value(job.Id), value(job.Name), job.Status.Value(), value(job.Description), job.TaskType.Value(),
			job.SourceEndpoint.DbType.Value(), value(job.SourceEndpoint.DbPort), job.SourceEndpoint.DbPassword,
			value(job.TargetEndpoint.Ip), value(tag.Key), value(tag.Value), value((*job.ObjectInfos)[0].Name)},
		[]interface{}{id, name, "INCRE_TRANSFER_STARTED", "made by Go", "FULL_INCR_TRANS",
			k.source.Value(), port, nil,
			os.Getenv("TAILRACE_TARGET"), "purpose", "test", os.Getenv("TAILRACE_SELECT")})
}

func (k kafka) progress(id string) error {
	answer, err := k.c3.BatchListProgresses(&model.BatchListProgressesRequest{Body: &model.BatchQueryProgressReq{Jobs: []string{id}}})
	if err != nil {
		return err
	}
	found := (*answer.Results)[0]
	return same(nil, []string{value(found.JobId), value(found.Progress), value(found.TransferStatus)},
		[]string{id, "100", "INCRE_TRANSFER_STARTED"})
}

func (k kafka) list(id, name string) ([]string, error) {
	ask := &model.QueryJobsReq{CurPage: 1, PerPage: 10, Name: &id, DbUseType: model.GetQueryJobsReqDbUseTypeEnum().SYNC}
	answer, err := k.c3.ShowJobList(&model.ShowJobListRequest{Body: ask})
	if err != nil {
		return nil, err
	}
	names := []string{}
	for _, job := range *answer.Jobs {
		if job.EngineType.Value() != k.engine.Value() {
			return nil, fmt.Errorf("a job of %s is listed", job.EngineType.Value())
		}
		names = append(names, job.Name)
	}
	return names, nil
}

func page(id string) *model.BatchQueryJobReqPage {
	return &model.BatchQueryJobReqPage{Jobs: []string{id}, PageReq: &model.PageReq{}}
}

func sourceAddress() (string, int32) {
	host, port := address("SOURCE")
	number, err := strconv.Atoi(port)
	if err != nil {
		fail("TAILRACE_SOURCE: %v", err)
	}
	return host, int32(number)
}

// A batch call answers 2xx and tells the outcome of each job. Each call's item has a type of its own.
func succeeded(item interface{}) error {
	text, err := json.Marshal(item)
	if err != nil {
		return err
	}
	var outcome struct{ Status string }
	if err := json.Unmarshal(text, &outcome); err != nil || outcome.Status != "success" {
		return fmt.Errorf("refused: %s", text)
	}
	return nil
}
