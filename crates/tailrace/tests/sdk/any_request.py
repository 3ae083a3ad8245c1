"""Has schemathesis send requests of every kind to a server, made from its own OpenAPI document: none may be answered with a fault of
the server (5xx), and every answer has to be one that the document has.

Environment: TAILRACE_ENDPOINT, TAILRACE_CREDENTIALS (the server's credentials.json), TAILRACE_SEED. Ends with 1 if an answer was wrong.
"""

import json
import os
import subprocess
import sys
import tempfile
import urllib.request

ENDPOINT = os.environ["TAILRACE_ENDPOINT"]
# Longest time for all of it, seconds: what is not tried by then is tried with another seed.
SECONDS_MAX = 40
CHECKS = "not_a_server_error,response_schema_conformance,content_type_conformance"


def token(known):
    user = {"name": known["user_name"], "password": known["password"], "domain": {"name": known["domain_name"]}}
    auth = {"identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": {"id": known["project_id"]}}}
    request = urllib.request.Request(
        f"{ENDPOINT}/v3/auth/tokens", data=json.dumps({"auth": auth}).encode(),
        headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return answer.headers["X-Subject-Token"]


def in_project(node, project):
    """Requests of another project are all answered alike, so that all have to be of the one that is there."""
    if isinstance(node, dict):
        if node.get("in") == "path" and node.get("name") == "project_id":
            node["schema"] = {"type": "string", "enum": [project]}
        for inner in node.values():
            in_project(inner, project)
    elif isinstance(node, list):
        for inner in node:
            in_project(inner, project)


def main():
    with open(os.environ["TAILRACE_CREDENTIALS"], encoding="utf-8") as file:
        known = json.load(file)
    with urllib.request.urlopen(f"{ENDPOINT}/openapi.json") as answer:
        document = json.load(answer)
    in_project(document, known["project_id"])
    # Its answer is no JSON and has no schema.
    document["paths"].pop("/metrics", None)
    with tempfile.TemporaryDirectory() as folder:
        schema = os.path.join(folder, "document.json")
        with open(schema, "w", encoding="utf-8") as file:
            json.dump(document, file)
        program = os.path.join(os.path.dirname(sys.executable), "st")
        # By the interpreter: the script has the name of the folder in which it was installed.
        done = subprocess.run(
            [sys.executable, program, "run", schema, "--url", ENDPOINT, "-H", f"X-Auth-Token: {token(known)}",
             "--checks", CHECKS, "--phases", "coverage,fuzzing", "--max-examples", "3", "--no-shrink",
             "--max-time", str(SECONDS_MAX), "--seed", os.environ["TAILRACE_SEED"], "--continue-on-failure",
             "--warnings", "off", "--no-color", "--generation-database", "none"],
            cwd=folder, check=False)
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
