"""Makes src/api/auth/signature_vectors.json: requests as clients sign them.

The Python entries are signed by the official SDK (huaweicloudsdkcore). The others follow what the Go,
Java, Node and Terraform clients were seen to send, signed by the SDK's primitive with their own choice
of headers, order and body. Run it with the SDK installed and redirect its output into the file.
"""

import hashlib
import hmac
import json
from urllib.parse import quote, unquote

from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer

AK = "AKEXAMPLE0000000001"
SK = "sk-example-0000000000000000000000000001"
PROJECT = "054ba152d480d55b2f5dc0069e7ddef0"
JOB = "c7debc9c-8e09-4a5d-8dd6-cc44f78jb20r"
HOST = "127.0.0.1:34837"
DATE = "20261124T015953Z"


def python(name, method, path, query=(), body="", headers=None):
    sent = {"Content-Type": "application/json", "X-Project-Id": PROJECT, "X-Sdk-Date": DATE}
    sent.update(headers or {})
    request = SdkRequest(
        method=method, schema="http", host=HOST, resource_path=path,
        query_params=list(query), header_params=sent, body=body.encode(),
    )
    signed = Signer(BasicCredentials(AK, SK, PROJECT)).sign(request)
    wire = {k: v.encode("iso-8859-1").decode() for k, v in signed.header_params.items()}
    uri = quote(unquote(signed.uri.split("?")[0]), safe="/~%*") if "%" not in path else signed.uri.split("?")[0]
    if "?" in signed.uri:
        uri += "?" + signed.uri.split("?", 1)[1]
    return {"name": name, "method": method, "uri": uri, "headers": list(wire.items()),
            "body": body, "secret_key": SK}


def other(name, method, path, wire_query, signed_query, headers, signed, body="", signed_body=None):
    """A request of another client: `signed` names the headers it signs."""
    lower = {k.lower(): v for k, v in headers.items()}
    uri = "/".join(quote(p, safe="~") for p in unquote(path).split("/"))
    uri = uri if uri.endswith("/") else uri + "/"
    payload = body if signed_body is None else signed_body
    canonical = "\n".join([
        method, uri, signed_query, "".join(f"{h}:{lower[h]}\n" for h in signed),
        ";".join(signed), hashlib.sha256(payload.encode()).hexdigest(),
    ])
    text = "\n".join(["SDK-HMAC-SHA256", lower["x-sdk-date"],
                      hashlib.sha256(canonical.encode()).hexdigest()])
    signature = hmac.new(SK.encode(), text.encode(), hashlib.sha256).hexdigest()
    authorization = f"SDK-HMAC-SHA256 Access={AK}, SignedHeaders={';'.join(signed)}, Signature={signature}"
    return {"name": name, "method": method, "uri": path + ("?" + wire_query if wire_query else ""),
            "headers": list(headers.items()) + [("Authorization", authorization)],
            "body": body, "secret_key": SK}


def main():
    jobs = f"/v5/{PROJECT}/jobs"
    seen = {
        "name": "python: recorded delete", "method": "DELETE", "uri": f"{jobs}/{JOB}",
        "headers": [
            ["User-Agent", "huaweicloud-usdk-python/3.0; os/Linux##1_SMP_PREEMPT_DYNAMIC_@0#x86_64 "
             "python/3.11.7 impl/CPython; app/20197aa7-9c21-40a1-b141-8aeba961a58d"],
            ["Accept-Encoding", "gzip, deflate"], ["Accept", "*/*"], ["X-Language", "en-us"],
            ["Content-Type", "application/json"], ["X-Project-Id", PROJECT], ["X-Sdk-Date", DATE],
            ["Host", HOST], ["Content-Length", "0"],
            ["Authorization", f"SDK-HMAC-SHA256 Access={AK}, SignedHeaders=content-type;host;"
             "user-agent;x-language;x-project-id;x-sdk-date, Signature="
             "202a52034f59e101ff6d9e58d0d33e59acfbe301a3dfab3fdf50ec8562272b98"],
        ],
        "body": "", "secret_key": SK,
    }
    go = {"User-Agent": "huaweicloud-usdk-go/3.0", "X-Project-Id": PROJECT, "X-Sdk-Date": DATE,
          "Host": HOST, "Content-Type": "application/json"}
    java = {"Host": HOST, "User-Agent": "huaweicloud-usdk-java/3.0", "X-Project-Id": PROJECT,
            "X-Sdk-Date": DATE, "Transfer-Encoding": "chunked", "Content-Type": "application/json"}
    node = {"content-type": "application/json", "host": HOST, "x-sdk-date": DATE}
    terraform = {"Accept": "application/json", "Content-Type": "application/json",
                 "User-Agent": "terraform-provider-iac golangsdk/2.0.0", "X-Language": "en-us",
                 "X-Sdk-Date": DATE, "X-Project-Id": PROJECT, "Host": HOST}
    vectors = [
        seen,
        python("python: detail with a sorted query", "GET", f"{jobs}/{JOB}",
               [("type", "detail"), ("offset", 0), ("limit", 10)]),
        python("python: repeated query key", "GET", jobs,
               [("job_type", "sync"), ("instance_ids", ["b", "a"])]),
        python("python: boolean and reserved characters in the query", "POST",
               f"{jobs}/{JOB}/db-objects/collect",
               [("is_refresh", True), ("db_names", ["a b", "ü", "x/y%z*~"]), ("type", "source")]),
        python("python: encoded path", "GET", "/v5/p/jobs/a%20b%7Ec%2A"),
        python("python: body with non-ASCII text", "POST", jobs, (), '{"job":{"name":"Grüße"}}'),
        python("python: DELETE with a body", "DELETE", jobs, (), json.dumps({"jobs": [JOB]})),
        python("python: security token and UTF-8 header", "GET", jobs, [("job_type", "sync")], "",
               {"X-Security-Token": "token-example", "User-Agent": "prüfung"}),
        python("python: unsigned payload of a form", "POST", f"{jobs}/template", (), "--x--",
               {"Content-Type": "multipart/form-data; boundary=x"}),
        python("python: IAM look-up", "GET", "/v3/projects", [("name", "eu-west-101")]),
        other("go: host is not signed", "POST", f"/v3/{PROJECT}/jobs/batch-status", "", "", go,
              ["user-agent", "x-project-id", "x-sdk-date"], '{"jobs":["' + JOB + '"]}\n'),
        other("go: IAM look-up signs the date only", "GET", "/v3/projects", "name=r", "name=r", go,
              ["x-sdk-date"]),
        other("java: repeated values as given", "GET", jobs, "job_type=sync&instance_ids=b&instance_ids=a",
              "instance_ids=b&instance_ids=a&job_type=sync", java,
              ["host", "user-agent", "x-project-id", "x-sdk-date"]),
        other("java: encoded tilde in the path", "GET", "/v5/p/jobs/a%7Eb*", "", "", java,
              ["host", "user-agent", "x-project-id", "x-sdk-date"]),
        other("node: IAM look-up signs an empty object", "GET", "/v3/projects", "name=r", "name=r",
              node, ["content-type", "host", "x-sdk-date"], "", "{}"),
        other("node: IAM look-up sends an empty object", "GET", "/v3/projects", "name=r", "name=r",
              node, ["content-type", "host", "x-sdk-date"], "{}"),
        other("terraform: project id is added after signing", "POST", f"/v3/{PROJECT}/jobs", "", "",
              terraform, ["accept", "content-type", "user-agent", "x-language", "x-sdk-date"],
              '{"cur_page":1,"per_page":1,"name":"' + JOB + '"}\n'),
    ]
    print(json.dumps(vectors, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
