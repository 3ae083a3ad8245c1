// Drives jobs by the official SDK for Go through their whole life, and sees how it reports errors.
//
//	drive LINK NAME     LINK is mysql-to-kafka, taurus-to-kafka or oracle-to-gaussdbv5
//
// Prints "ok STEP" for each step; ends with 1 and words at the first that fails.
//
// Environment: TAILRACE_ENDPOINT, TAILRACE_AK, TAILRACE_SK, TAILRACE_PROJECT; TAILRACE_SOURCE and TAILRACE_TARGET as
// host:port, TAILRACE_SOURCE_USER, TAILRACE_SOURCE_PASSWORD, TAILRACE_SELECT (a database or schema) and TAILRACE_TABLES
// (those of it that are replicated, with commas between them); for Kafka TAILRACE_TOPIC; for GaussDB
// TAILRACE_SOURCE_DATABASE, TAILRACE_TARGET_USER, TAILRACE_TARGET_PASSWORD, TAILRACE_TARGET_DATABASE.
package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/basic"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/sdkerr"
	v5 "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/drs/v5"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/drs/v5/model"
)

// Longest wait for a state; the tests run on busy machines.
const waitMax = 180 * time.Second

// No job has this id.
const noJob = "00000000-0000-4000-8000-000000000000"

// What differs between the links. Each method is one or a few calls of the SDK.
type link interface {
	// Makes a job and returns its id.
	create(name string) (string, error)
	connect(id string) error
	save(id string) error
	// Sends a policy that lacks a needed member.
	incomplete(id string) error
	policy(id string) error
	precheck(id string) error
	start(id string) error
	pause(id string) error
	resume(id string) error
	end(id string) error
	delete(id string) error
	status(id string) (string, error)
	// Sees that what was given at the creation is told again.
	detail(id, name string) error
	// Sees that the full phase is told to be done.
	progress(id string) error
	// Names of the jobs of this id or name.
	list(id, name string) ([]string, error)
}

// How calls are refused that name a job that never was, or a deleted one, or that lack a member.
type codes struct{ noJob, gone, missing, member string }

func main() {
	if len(os.Args) != 3 {
		fail("drive LINK NAME")
	}
	engine, name := os.Args[1], os.Args[2]
	sk := os.Getenv("TAILRACE_SK")
	if engine == "oracle-to-gaussdbv5" {
		objects := selection(&model.TargetRootDb{
			DbName: ptr(os.Getenv("TAILRACE_TARGET_DATABASE")), DbEncoding: ptr("utf8")})
		drive(oracle{c5: c5(sk)}, oracle{c5: c5("wrong")}, oracleCodes, objects, name)
		return
	}
	drive(newKafka(engine, sk), newKafka(engine, "wrong"), kafkaCodes, selection(nil), name)
}

// The life of one job.
func drive(l, wrongKey link, codes codes, objects *model.DbObject, name string) {
	var id string
	ok("create", func() (err error) {
		id, err = l.create(name)
		return err
	})
	ok("is made", func() error { return wait(l, id, "CONFIGURATION") })
	ok("connect", func() error { return l.connect(id) })
	ok("save", func() error { return l.save(id) })
	refused("a missing member", func() error { return l.incomplete(id) }, 400, codes.missing, codes.member)
	ok("policy", func() error { return l.policy(id) })
	ok("objects", func() error { return choose(id, objects) })
	ok("precheck", func() error { return l.precheck(id) })
	ok("start", func() error { return l.start(id) })
	ok("runs", func() error { return wait(l, id, "INCRE_TRANSFER_STARTED") })
	ok("detail", func() error { return l.detail(id, name) })
	ok("progress", func() error { return l.progress(id) })
	ok("list", func() error {
		names, err := l.list(id, name)
		return same(err, names, []string{name})
	})
	ok("pause", func() error { return first(l.pause(id), func() error { return wait(l, id, "PAUSING") }) })
	ok("resume", func() error {
		return first(l.resume(id), func() error { return wait(l, id, "INCRE_TRANSFER_STARTED") })
	})
	ok("end", func() error {
		return first(l.end(id), func() error { return wait(l, id, "RELEASE_RESOURCE_COMPLETE") })
	})
	ok("delete", func() error { return l.delete(id) })
	refused("it is gone", func() error {
		_, err := l.status(id)
		return err
	}, 400, codes.gone, "job")
	refused("no such job", func() error {
		_, err := l.status(noJob)
		return err
	}, 400, codes.noJob, "does not exist")
	refused("a wrong key", func() error {
		_, err := wrongKey.status(id)
		return err
	}, 401, "APIGW.0301", "aksk")
}

// By v5 for every link: v3 has no names at the target.
func choose(id string, objects *model.DbObject) error {
	client := c5(os.Getenv("TAILRACE_SK"))
	answer, err := client.UpdateJob(&model.UpdateJobRequest{JobId: id, Body: &model.SingleUpdateJobReq{Job: &model.UpdateJobReq{
		Type: model.GetUpdateJobReqTypeEnum().DB_OBJECT, Params: &model.UpdateJob{DbObject: objects}}}})
	if err != nil {
		return err
	}
	request := &model.ShowUpdateObjectSavingStatusRequest{JobId: id, QueryId: answer.Id}
	return until("the objects to be saved", func() (bool, error) {
		saving, err := client.ShowUpdateObjectSavingStatus(request)
		if err != nil {
			return false, err
		}
		if saving.Status.Value() == "failed" {
			return false, errors.New("the objects were not saved")
		}
		return saving.Status.Value() == "success", nil
	})
}

func selection(root *model.TargetRootDb) *model.DbObject {
	database, tables := os.Getenv("TAILRACE_SELECT"), map[string]model.TableObject{}
	for _, table := range strings.Split(os.Getenv("TAILRACE_TABLES"), ",") {
		tables[table] = model.TableObject{Name: ptr(table), Type: ptr(model.GetTableObjectTypeEnum().TABLE), All: ptr(true)}
	}
	return &model.DbObject{
		ObjectScope: model.GetDbObjectObjectScopeEnum().TABLE, TargetRootDb: root,
		ObjectInfo: map[string]model.DatabaseObject{database: {Name: &database, Tables: tables}},
	}
}

func c5(sk string) *v5.DrsClient {
	return v5.NewDrsClient(connect(v5.DrsClientBuilder(), sk))
}

func connect(builder *core.HcHttpClientBuilder, sk string) *core.HcHttpClient {
	credentials, err := basic.NewCredentialsBuilder().
		WithAk(os.Getenv("TAILRACE_AK")).WithSk(sk).WithProjectId(os.Getenv("TAILRACE_PROJECT")).SafeBuild()
	if err != nil {
		fail("credentials: %v", err)
	}
	client, err := builder.WithEndpoint(os.Getenv("TAILRACE_ENDPOINT")).WithCredential(credentials).SafeBuild()
	if err != nil {
		fail("client: %v", err)
	}
	return client
}

// Host and port of TAILRACE_SOURCE or TAILRACE_TARGET.
func address(side string) (string, string) {
	host, port, err := net.SplitHostPort(os.Getenv("TAILRACE_" + side))
	if err != nil {
		fail("TAILRACE_%s: %v", side, err)
	}
	return host, port
}

func wait(l link, id, wanted string) error {
	return until("the job to be "+wanted, func() (bool, error) {
		status, err := l.status(id)
		if err == nil && strings.HasSuffix(status, "_FAILED") {
			err = fmt.Errorf("the job is %s, not %s", status, wanted)
		}
		return status == wanted, err
	})
}

func until(what string, look func() (bool, error)) error {
	end := time.Now().Add(waitMax)
	for {
		found, err := look()
		if found || err != nil {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("waited %v in vain for %s", waitMax, what)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func ok(step string, do func() error) {
	if err := do(); err != nil {
		fail("%s: %v", step, err)
	}
	fmt.Println("ok", step)
}

var requestId = regexp.MustCompile("^[0-9a-f]{32}$")

// The call has to end in the SDK's own error with this status and code, a text with this in it, and a request id.
func refused(step string, call func() error, status int, code, text string) {
	ok(step, func() error {
		err := call()
		var answer *sdkerr.ServiceResponseError
		if !errors.As(err, &answer) {
			return fmt.Errorf("no error of the SDK, but %v", err)
		}
		if answer.StatusCode != status || answer.ErrorCode != code || !strings.Contains(answer.ErrorMessage, text) ||
			!requestId.MatchString(answer.RequestId) {
			return fmt.Errorf("wanted %d %s with %q, got %v", status, code, text, answer)
		}
		return nil
	})
}

// The first error, or what comes of the next step.
func first(err error, then func() error) error {
	if err != nil {
		return err
	}
	return then()
}

func same(err error, found, wanted interface{}) error {
	if err == nil && fmt.Sprint(found) != fmt.Sprint(wanted) {
		err = fmt.Errorf("wanted %v, got %v", wanted, found)
	}
	return err
}

func fail(format string, arguments ...interface{}) {
	fmt.Fprintf(os.Stderr, format+"\n", arguments...)
	os.Exit(1)
}

func ptr[T any](value T) *T { return &value }

// What a pointer of the SDK's answers points to; the zero value where the member was absent.
func value[T any](pointer *T) (zero T) {
	if pointer == nil {
		return zero
	}
	return *pointer
}
