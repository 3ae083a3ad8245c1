//! The official SDK in its own Python.

use std::fs;

use tailrace_testkit::python;
use tailrace_testkit::rundir::RunDir;

#[test]
fn scripts_find_the_sdk_their_arguments_and_their_environment() {
    let dir = RunDir::new("python-test").unwrap();
    let script = dir.path().join("script.py");
    let text = "\
import os, sys
from huaweicloudsdkdrs.v5 import DrsClient
from huaweicloudsdkiam.v3 import IamClient
print(DrsClient.__name__, IamClient.__name__, sys.argv[1], os.environ['ENDPOINT'])
";
    fs::write(&script, text).unwrap();
    let envs = [("ENDPOINT", "http://127.0.0.1:1")];
    let output = python::run(&script, &["argument"], &envs).unwrap();
    assert_eq!(output, "DrsClient IamClient argument http://127.0.0.1:1\n");

    fs::write(&script, "import sys\nsys.exit('no such job')\n").unwrap();
    let error = python::run(&script, &[], &[]).unwrap_err().to_string();
    assert!(error.contains("no such job"), "{error}");
}
