//! `OAUTHBEARER` towards a real Kafka that checks signed tokens. The server that signs them is a stand-in.

mod token_server;

use std::sync::atomic::Ordering;

use tailrace_pipeline::job::{JobSpec, KafkaEndpoint, OAuthClient, Sasl, TopicPolicy};
use tailrace_pipeline::observe::Phase;
use tailrace_pipeline::sink::kafka::probe::probe;
use tailrace_pipeline::{Error, ErrorKind};
use tailrace_testkit::rundir::RunDir;
use tailrace_testkit::servers::kafka::{KafkaCluster, KafkaOptions};

use self::token_server::{AUDIENCE, CLIENT, TokenServer};
use crate::faults::kept::Kept;
use crate::faults::{changes, end_equal};
use crate::random_rows::seed;
use crate::support::{mysql, spec, unique};
use crate::writer::Writer;

/// How long a token lives, seconds. The brokers end a connection whose token is over; librdkafka looks once a second
/// whether four fifths of that time are over.
const TOKEN_SECONDS: u64 = 15;
/// Rows of each table when a job begins.
const ROWS: u64 = 100;

/// Brokers that let in who has a token of the server's.
struct Guarded {
    server: TokenServer,
    cluster: KafkaCluster,
    _dir: RunDir,
}

impl Guarded {
    fn start() -> Self {
        let dir = RunDir::new("tokens").expect("a folder");
        let key_set = dir.path().join("keys.json");
        let server = TokenServer::start(&key_set, TOKEN_SECONDS);
        let url = format!("file://{}", key_set.display());
        let of = |rest: &str| format!("listener.name.sasl_plaintext.{rest}");
        let bearer = "org.apache.kafka.common.security.oauthbearer";
        let cluster = KafkaCluster::start(KafkaOptions {
            sasl: true,
            extra: vec![
                of("sasl.enabled.mechanisms=OAUTHBEARER"),
                of(&format!(
                    "oauthbearer.sasl.jaas.config={bearer}.OAuthBearerLoginModule required;"
                )),
                of(&format!(
                    "oauthbearer.sasl.server.callback.handler.class={bearer}.OAuthBearerValidatorCallbackHandler"
                )),
                of(&format!("oauthbearer.sasl.oauthbearer.jwks.endpoint.url={url}")),
                of(&format!("oauthbearer.sasl.oauthbearer.expected.audience={AUDIENCE}")),
                of("oauthbearer.connections.max.reauth.ms=3600000"),
            ],
            java_options: vec![format!("-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={url}")],
            ..KafkaOptions::default()
        })
        .expect("a broker");
        Self { server, cluster, _dir: dir }
    }

    fn client(&self) -> OAuthClient {
        OAuthClient {
            token_url: self.server.url.clone(),
            client_id: CLIENT.0.into(),
            client_secret: CLIENT.1.to_owned().into(),
            scope: Some("kafka".into()),
            extensions: vec![("traceId".into(), "123".into())],
            ca_pem: Some(self.server.ca_pem.clone()),
        }
    }

    fn endpoint(&self, client: OAuthClient) -> KafkaEndpoint {
        let brokers = self.cluster.bootstrap_sasl_plaintext();
        KafkaEndpoint { brokers, sasl: Some(Sasl::OAuthBearer(client)), tls: None }
    }

    fn issued(&self) -> u64 {
        self.server.state.issued.load(Ordering::Relaxed)
    }
}

fn job(guarded: &Guarded) -> JobSpec {
    let database = unique("oauth");
    let columns = "id BIGINT PRIMARY KEY, v INT, pad CHAR(200) DEFAULT 'p'";
    let rows: Vec<String> = (1..=ROWS).map(|id| format!("({id}, {id})")).collect();
    let rows = rows.join(", ");
    let statements = format!(
        "CREATE DATABASE {database}; USE {database};
         CREATE TABLE item ({columns}); CREATE TABLE side ({columns});
         INSERT INTO item (id, v) VALUES {rows}; INSERT INTO side (id, v) VALUES {rows}"
    );
    mysql().query(&statements).expect("tables");
    let mut spec = spec(&database);
    spec.target = guarded.endpoint(guarded.client());
    spec.policy.topic = TopicPolicy::PerTable(format!("{database}-$tablename$"));
    spec
}

/// A job outlives its tokens, and a server that gives none for a while.
#[test]
fn a_job_goes_on_over_many_tokens() {
    let (guarded, seed) = (Guarded::start(), seed());
    let spec = job(&guarded);
    let mut job = Kept::start(&spec);
    job.wait_until("the stream", |job| job.recorder.has_reached(Phase::Incremental));
    let database = &spec.selection.databases[0].name;
    let writer = Writer::start(&mysql(), database, ROWS, seed);
    let more = |job: &mut Kept, what: &str| {
        let (before, tokens) = (changes(job), guarded.issued());
        job.wait_until(what, |job| changes(job) > before + 100 && guarded.issued() > tokens + 3);
    };
    more(&mut job, "changes under several tokens");
    let state = &guarded.server.state;
    state.is_busy.store(true, Ordering::Relaxed);
    job.wait_until("refusals", |_| state.refused.load(Ordering::Relaxed) > 2);
    state.is_busy.store(false, Ordering::Relaxed);
    more(&mut job, "changes under tokens again");
    let changed = writer.finish();
    end_equal(&spec, &format!("seed {seed}"));
    assert_eq!(changes(&job), changed, "seed {seed}");
    job.stop();
}

#[test]
fn what_keeps_a_token_away_is_named() {
    let guarded = Guarded::start();
    probe(&guarded.endpoint(guarded.client())).expect("a token");
    let refused = |client: OAuthClient| -> Error {
        let error = probe(&guarded.endpoint(client)).expect_err("no token");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        error
    };
    let wrong =
        OAuthClient { client_secret: "hunter2-wrong".to_owned().into(), ..guarded.client() };
    let error = refused(wrong);
    assert_eq!(error.kind(), ErrorKind::TargetAuthentication, "{error}");
    assert!(error.message().contains("invalid_client"), "{error}");
    assert!(error.message().contains(&guarded.server.url), "{error}");
    let stranger = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("one");
    let error = refused(OAuthClient { ca_pem: Some(stranger.cert.pem()), ..guarded.client() });
    assert_eq!(error.kind(), ErrorKind::TargetAuthentication, "{error}");
    assert!(error.message().contains("certificate"), "{error}");
    let error =
        refused(OAuthClient { token_url: "https://localhost:1/token".into(), ..guarded.client() });
    assert_eq!(error.kind(), ErrorKind::TargetConnection, "{error}");
    assert!(error.message().contains("localhost:1/token"), "{error}");
    // A server that was busy for one request: the library takes the next answer for a wrong one, and asks again later.
    let state = &guarded.server.state;
    state.is_busy.store(true, Ordering::Relaxed);
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| probe(&guarded.endpoint(guarded.client())));
        while state.refused.load(Ordering::Relaxed) == 0 && !asked.is_finished() {
            std::thread::yield_now();
        }
        state.is_busy.store(false, Ordering::Relaxed);
        if let Err(error) = asked.join().expect("no panic") {
            assert_eq!(error.kind(), ErrorKind::TargetConnection, "{error}");
        }
    });
    assert!(state.refused.load(Ordering::Relaxed) > 0);
    probe(&guarded.endpoint(guarded.client())).expect("a token again");
}
