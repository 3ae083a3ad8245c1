package main

import (
	"fmt"
	"os"

	v5 "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/drs/v5"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/drs/v5/model"
)

var oracleCodes = codes{noJob: "DRS.10000010", gone: "DRS.10000010", missing: "DRS.10000009", member: "job.params"}

// Oracle to GaussDB Distributed, by v5.
type oracle struct{ c5 *v5.DrsClient }

func (o oracle) create(name string) (string, error) {
	engine := model.GetJobBaseInfoEngineTypeEnum().ORACLE_TO_GAUSSDBV5
	job := &model.CreateJobReq{
		BaseInfo: &model.JobBaseInfo{
			Name: &name, EngineType: &engine, Description: ptr("made by Go"), ExpiredDays: ptr("14"),
			JobType:      ptr(model.GetJobBaseInfoJobTypeEnum().SYNC),
			JobDirection: ptr(model.GetJobBaseInfoJobDirectionEnum().UP),
			TaskType:     ptr(model.GetJobBaseInfoTaskTypeEnum().FULL_INCR_TRANS),
			NetType:      ptr(model.GetJobBaseInfoNetTypeEnum().EIP),
			ChargingMode: ptr(model.GetJobBaseInfoChargingModeEnum().ON_DEMAND),
		},
		SourceEndpoint: []model.JobEndpointInfo{source()}, TargetEndpoint: []model.JobEndpointInfo{target()},
		NodeInfo: &model.JobNodeInfo{Spec: &model.JobNodeSpecInfo{NodeType: model.GetJobNodeSpecInfoNodeTypeEnum().MEDIUM}},
	}
	answer, err := o.c5.CreateJob(&model.CreateJobRequest{Body: &model.SingleCreateJobReq{Job: job}})
	if err != nil {
		return "", err
	}
	return value(answer.Id), same(nil, []string{value(answer.Name), value(answer.Status)}, []string{name, "CREATING"})
}

func (o oracle) connect(id string) error {
	ends := []model.JobEndpointInfo{source(), target()}
	query, err := o.act(id, model.GetActionReqActionNameEnum().NETWORK, &model.ActionParams{Endpoints: &ends})
	if err != nil {
		return err
	}
	return until("the connection test", func() (bool, error) {
		job, err := o.show(id, model.GetShowJobDetailRequestTypeEnum().NETWORK, query)
		if err != nil || job.NetworkResults == nil || len(*job.NetworkResults) == 0 {
			return false, err
		}
		for _, end := range *job.NetworkResults {
			if !end.Success {
				return false, fmt.Errorf("no connection: %v", end)
			}
		}
		return true, same(nil, len(*job.NetworkResults), len(ends))
	})
}

func (o oracle) save(id string) error {
	return o.update(id, model.GetUpdateJobReqTypeEnum().NETWORK, &model.UpdateJob{
		SourceEndpoint: &[]model.JobEndpointInfo{source()}, TargetEndpoint: &[]model.JobEndpointInfo{target()}})
}

func (o oracle) policy(id string) error {
	stop := model.GetPolicyConfigConflictPolicyEnum().STOP
	return o.update(id, model.GetUpdateJobReqTypeEnum().POLICY, &model.UpdateJob{PolicyConfig: &model.PolicyConfig{ConflictPolicy: &stop}})
}

func (o oracle) incomplete(id string) error {
	return o.update(id, model.GetUpdateJobReqTypeEnum().POLICY, nil)
}

func (o oracle) precheck(id string) error {
	query, err := o.act(id, model.GetActionReqActionNameEnum().PRECHECK, &model.ActionParams{PrecheckMode: ptr("forStartJob")})
	if err != nil {
		return err
	}
	var result model.QueryPreCheckResult
	err = until("the precheck", func() (bool, error) {
		job, err := o.show(id, model.GetShowJobDetailRequestTypeEnum().PRECHECK, query)
		if err != nil {
			return false, err
		}
		result = value(job.PrecheckResult)
		return value(result.Process) == "100%", nil
	})
	return same(err, value(result.TotalPassedRate), "100%")
}

func (o oracle) start(id string) error {
	_, err := o.act(id, model.GetActionReqActionNameEnum().START, &model.ActionParams{})
	return err
}

func (o oracle) pause(id string) error {
	_, err := o.act(id, model.GetActionReqActionNameEnum().STOP, &model.ActionParams{PauseMode: ptr("all")})
	return err
}

func (o oracle) resume(id string) error {
	_, err := o.act(id, model.GetActionReqActionNameEnum().RESTART, &model.ActionParams{})
	return err
}

func (o oracle) end(id string) error {
	_, err := o.act(id, model.GetActionReqActionNameEnum().TERMINATE, &model.ActionParams{})
	return err
}

func (o oracle) delete(id string) error {
	_, err := o.c5.DeleteJob(&model.DeleteJobRequest{JobId: id})
	return err
}

func (o oracle) status(id string) (string, error) {
	job, err := o.show(id, model.GetShowJobDetailRequestTypeEnum().DETAIL, nil)
	if err != nil {
		return "", err
	}
	return job.Status.Value(), nil
}

func (o oracle) detail(id, name string) error {
	job, err := o.show(id, model.GetShowJobDetailRequestTypeEnum().DETAIL, nil)
	if err != nil {
		return err
	}
	_, port := address("SOURCE")
	end := (*job.SourceEndpoint)[0]
	return same(nil,
		[]string{value(job.Id), value(job.BaseInfo.Name), job.Status.Value(), value(job.BaseInfo.Description),
			job.BaseInfo.EngineType.Value(), end.DbType.Value(), value(end.Endpoint.DbPort), end.Endpoint.DbPassword,
			job.PolicyConfig.ConflictPolicy.Value()},
		[]string{id, name, "INCRE_TRANSFER_STARTED", "made by Go",
			"oracle-to-gaussdbv5", "oracle", port, "",
			"stop"})
}

func (o oracle) progress(id string) error {
	job, err := o.show(id, model.GetShowJobDetailRequestTypeEnum().PROGRESS, nil)
	if err != nil {
		return err
	}
	found := value(job.ProgressInfo)
	return same(nil, []string{value(found.Progress), value(found.TransferStatus)}, []string{"100", "INCRE_TRANSFER_STARTED"})
}

func (o oracle) list(id, name string) ([]string, error) {
	engine := model.GetListJobsRequestEngineTypeEnum().ORACLE_TO_GAUSSDBV5
	answer, err := o.c5.ListJobs(&model.ListJobsRequest{JobType: model.GetListJobsRequestJobTypeEnum().SYNC, Name: &name, EngineType: &engine})
	if err != nil {
		return nil, err
	}
	names := []string{}
	for _, job := range answer.Jobs {
		names = append(names, job.Name)
	}
	return names, nil
}

// The number by which the result of an action is asked for, where there is one.
func (o oracle) act(id string, name model.ActionReqActionName, params *model.ActionParams) (*string, error) {
	request := &model.ExecuteJobActionRequest{JobId: id, Body: &model.JobActionReq{Job: &model.ActionReq{ActionName: name, ActionParams: params}}}
	answer, err := o.c5.ExecuteJobAction(request)
	if err != nil {
		return nil, err
	}
	return answer.QueryId, nil
}

func (o oracle) update(id string, kind model.UpdateJobReqType, params *model.UpdateJob) error {
	_, err := o.c5.UpdateJob(&model.UpdateJobRequest{JobId: id, Body: &model.SingleUpdateJobReq{Job: &model.UpdateJobReq{Type: kind, Params: params}}})
	return err
}

func (o oracle) show(id string, kind model.ShowJobDetailRequestType, query *string) (*model.JobDetailResp, error) {
	answer, err := o.c5.ShowJobDetail(&model.ShowJobDetailRequest{JobId: id, Type: kind, QueryId: query})
	if err != nil {
		return nil, err
	}
	return answer.Job, nil
}

func source() model.JobEndpointInfo {
	end := endpoint("SOURCE")
	end.DbType, end.EndpointRole = model.GetJobEndpointInfoDbTypeEnum().ORACLE, model.GetJobEndpointInfoEndpointRoleEnum().SO
	end.Endpoint.EndpointName = model.GetBaseEndpointEndpointNameEnum().ORACLE
	end.Endpoint.DbName = ptr(os.Getenv("TAILRACE_SOURCE_DATABASE"))
	return end
}

func target() model.JobEndpointInfo {
	end := endpoint("TARGET")
	end.DbType, end.EndpointRole = model.GetJobEndpointInfoDbTypeEnum().GAUSSDBV5, model.GetJobEndpointInfoEndpointRoleEnum().TA
	end.Endpoint.EndpointName = model.GetBaseEndpointEndpointNameEnum().CLOUD_GAUSSDBV5
	return end
}

func endpoint(side string) model.JobEndpointInfo {
	host, port := address(side)
	return model.JobEndpointInfo{
		EndpointType: model.GetJobEndpointInfoEndpointTypeEnum().OFFLINE,
		Endpoint: &model.BaseEndpoint{Ip: &host, DbPort: &port,
			DbUser: os.Getenv("TAILRACE_" + side + "_USER"), DbPassword: os.Getenv("TAILRACE_" + side + "_PASSWORD")},
		Ssl: &model.EndpointSslConfig{SslLink: ptr(false)},
	}
}
