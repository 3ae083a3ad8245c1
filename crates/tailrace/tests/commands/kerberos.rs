//! Kerberos towards a real Kafka, with a real key distribution centre.

use std::path::Path;
use std::time::Duration;

use tailrace_testkit::process::Launch;
use tailrace_testkit::servers::Place;
use tailrace_testkit::servers::kafka::{KafkaCluster, KafkaOptions};
use tailrace_testkit::servers::kdc::Kdc;

use super::{Shop, ended, tailrace, text};

/// Longest wait for a state of the job.
const LIMIT: Duration = Duration::from_secs(120);

/// A broker that lets in who has a ticket for it.
fn broker(kdc: &Kdc) -> KafkaCluster {
    let keytab = kdc.keytab("kafka/localhost").unwrap();
    let of = |rest: &str| format!("listener.name.sasl_plaintext.{rest}");
    KafkaCluster::start(KafkaOptions {
        sasl: true,
        sasl_host: "localhost".to_owned(),
        extra: vec![
            of("sasl.enabled.mechanisms=GSSAPI"),
            of("sasl.kerberos.service.name=kafka"),
            of(&format!(
                "gssapi.sasl.jaas.config=com.sun.security.auth.module.Krb5LoginModule required \
                 useKeyTab=true storeKey=true keyTab=\"{}\" principal=\"kafka/localhost\";",
                keytab.display()
            )),
        ],
        java_options: vec![format!("-Djava.security.krb5.conf={}", kdc.config().display())],
        ..KafkaOptions::default()
    })
    .unwrap()
}

fn variables(kdc: &Kdc, keytab: &Path, dir: &Path) -> [(&'static str, String); 3] {
    [
        ("KRB5_CONFIG", kdc.config().display().to_string()),
        ("KRB5_CLIENT_KTNAME", format!("FILE:{}", keytab.display())),
        ("KRB5CCNAME", format!("FILE:{}", dir.join("tickets").display())),
    ]
}

#[test]
fn tickets_come_from_the_client_keytab_of_the_process() {
    let kdc = Kdc::start(&Place::default()).unwrap();
    let cluster = broker(&kdc);
    let keytab = kdc.keytab("tailrace").unwrap();
    let shop = Shop::new("kerberos").unwrap();
    let file = shop.job_file(&shop.whole()).unwrap();
    let job = std::fs::read_to_string(&file).unwrap();
    let guarded = format!(
        "brokers = \"{}\"\nsecurity = \"SASL_PLAINTEXT\"\nsasl_mechanism = \"GSSAPI\"\n",
        cluster.bootstrap_sasl_plaintext()
    );
    let job = job.replace(&format!("brokers = \"{}\"\n", shop.ends.kafka), &guarded);
    assert!(job.contains("GSSAPI"), "{job}");
    std::fs::write(&file, job).unwrap();
    let mut launch = Launch::new(
        "tailrace run",
        env!("CARGO_BIN_EXE_tailrace"),
        shop.dir.path().join("run.log"),
    )
    .args(["run", text(&file)]);
    for (name, value) in variables(&kdc, &keytab, shop.dir.path()) {
        launch = launch.env(name, value);
    }
    let mut running = launch.start().unwrap();
    running.wait_for_log("incremental", LIMIT).unwrap();
    running.stop().unwrap();
    let said = std::fs::read_to_string(running.log()).unwrap();
    assert!(said.contains("stopped at a durable checkpoint: 3 rows of the full phase"), "{said}");
    let topic = format!("{}-item", shop.database());
    let offsets = cluster.tool("get-offsets", &["--topic", &topic]).unwrap();
    assert!(offsets.contains(&topic), "{offsets}");
    // Without a ticket: what is missing is said, and the job ends at once.
    let other = tempfile::tempdir().unwrap();
    let nobody = variables(&kdc, &other.path().join("no.keytab"), other.path());
    let run = tailrace(&["run", text(&file), "--no-precheck"]).envs(nobody).output().unwrap();
    let (code, out, err) = ended(&run);
    assert_eq!(code, 1, "{out}{err}");
    assert!(err.contains("target_authentication") && err.contains("GSSAPI"), "{err}");
}
