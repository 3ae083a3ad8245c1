// The links to Kafka, by the batch calls of v3, each for one job.

import assert from 'node:assert/strict';

import { address, call, env } from './client.mjs';

export function link(engine, until) {
  const source = engine.split('-')[0];
  const [host, port] = address('SOURCE');
  const login = { db_type: source, ip: host, db_port: Number(port), db_user: env('SOURCE_USER'), db_password: env('SOURCE_PASSWORD') };
  const target = { db_type: 'kafka', ip: env('TARGET') };

  const batch = (method, path, body, sk) => call(method, `/v3/{project_id}/jobs/${path}`, body, undefined, sk);
  const first = async (method, path, body, sk) => (await batch(method, path, body, sk)).results[0];
  const page = (id) => ({ jobs: [id], page_req: {} });
  // A batch call answers 2xx and tells the outcome of each job.
  async function change(method, path, job) {
    const item = await first(method, path, { jobs: [job] });
    assert.equal(item.status, 'success', JSON.stringify(item));
  }
  const setPolicy = (id, topic) => change('POST', 'batch-sync-policy', {
    job_id: id, topic_policy: '0', partition_policy: '0', kafka_data_format: 'json', topic,
  });

  return {
    codes: { noJob: 'DRS.M00289', gone: 'DRS.M05004', missing: 'DRS.M00201', member: 'jobs[0].topic' },
    root: {},

    async create(name) {
      const job = {
        name, engine_type: engine, description: 'made by Node.js', db_use_type: 'sync', job_direction: 'non-dbs', net_type: 'vpc',
        node_type: 'high', task_type: 'FULL_INCR_TRANS', customize_sutnet_id: 'subnet-1', expired_days: '14',
        tags: [{ key: 'purpose', value: 'test' }], source_endpoint: { db_type: source }, target_endpoint: { db_type: 'kafka' },
      };
      const made = await first('POST', 'batch-creation', { jobs: [job] });
      assert.equal(made.status, 'CREATING');
      return made.id;
    },

    async connect(id) {
      const ends = [
        { id, end_point_type: 'so', net_type: 'vpc', ...login },
        { id, end_point_type: 'ta', net_type: 'vpc', ...target },
      ];
      const { results } = await batch('POST', 'batch-connection', { jobs: ends });
      assert.deepEqual(results.map((end) => end.success), [true, true], JSON.stringify(results));
    },

    save: (id) => change('PUT', 'batch-modification', {
      job_id: id, store_db_info: true, source_endpoint: login, target_endpoint: target,
    }),
    incomplete: (id) => setPolicy(id, undefined),
    policy: (id) => setPolicy(id, env('TOPIC')),

    async precheck(id) {
      await change('POST', 'batch-precheck', { job_id: id, precheck_mode: 'forStartJob' });
      const result = () => first('POST', 'batch-precheck-result', { jobs: [id] });
      await until('the precheck', async () => (await result()).process === '100%');
      assert.equal((await result()).total_passed_rate, '100%');
    },

    start: (id) => change('POST', 'batch-starting', { job_id: id }),
    pause: (id) => change('POST', 'batch-pause-task', { job_id: id, pause_mode: 'all' }),
    resume: (id) => change('POST', 'batch-retry-task', { job_id: id }),
    end: (id) => change('DELETE', 'batch-jobs', { job_id: id, delete_type: 'terminate' }),
    delete: (id) => change('DELETE', 'batch-jobs', { job_id: id, delete_type: 'delete' }),
    status: async (id, sk) => (await first('POST', 'batch-status', page(id), sk)).status,

    // What was given at the creation is told again.
    async detail(id, name) {
      const job = await first('POST', 'batch-detail', page(id));
      assert.deepEqual(
        [job.id, job.name, job.status, job.description, job.task_type, job.source_endpoint.db_type, job.source_endpoint.db_port,
          job.source_endpoint.db_password, job.target_endpoint.ip, job.tags, job.object_infos[0].name],
        [id, name, 'INCRE_TRANSFER_STARTED', 'made by Node.js', 'FULL_INCR_TRANS', source, Number(port),
          undefined, env('TARGET'), [{ key: 'purpose', value: 'test' }], env('SELECT')]);
    },

    // The full phase is told to be done.
    async progress(id) {
      const found = await first('POST', 'batch-progress', { jobs: [id] });
      assert.deepEqual([found.job_id, found.progress, found.transfer_status], [id, '100', 'INCRE_TRANSFER_STARTED']);
    },

    async list(id) {
      const { jobs } = await call('POST', '/v3/{project_id}/jobs', { cur_page: 1, per_page: 10, name: id, db_use_type: 'sync' });
      return jobs.map((job) => job.name);
    },
  };
}
