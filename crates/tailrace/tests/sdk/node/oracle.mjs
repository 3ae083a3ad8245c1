// Oracle to GaussDB Distributed, by v5.

import assert from 'node:assert/strict';

import { address, call, env } from './client.mjs';

export function link(until) {
  const jobs = '/v5/{project_id}/jobs';
  const endpoint = (side, role, kind, name, more) => {
    const [host, port] = address(side);
    const login = { ip: host, db_port: port, db_user: env(`${side}_USER`), db_password: env(`${side}_PASSWORD`) };
    return {
      db_type: kind, endpoint_type: 'offline', endpoint_role: role, endpoint: { endpoint_name: name, ...login, ...more },
      ssl: { ssl_link: false },
    };
  };
  const source = endpoint('SOURCE', 'so', 'oracle', 'oracle', { db_name: env('SOURCE_DATABASE') });
  const target = endpoint('TARGET', 'ta', 'gaussdbv5', 'cloud_gaussdbv5', {});

  const update = (id, type, params) => call('PUT', `${jobs}/${id}`, { job: { type, params } });
  const show = async (id, type, query, sk) => {
    const asked = query === undefined ? { type } : { type, query_id: query };
    return (await call('GET', `${jobs}/${id}`, undefined, asked, sk)).job;
  };
  // The number by which the result of an action is asked for, where there is one.
  const act = async (id, name, params) => {
    const answer = await call('POST', `${jobs}/${id}/action`, { job: { action_name: name, action_params: params } });
    return answer.query_id;
  };

  return {
    codes: { noJob: 'DRS.10000010', gone: 'DRS.10000010', missing: 'DRS.10000009', member: 'job.params' },
    root: { target_root_db: { db_name: env('TARGET_DATABASE'), db_encoding: 'utf8' } },

    async create(name) {
      const base = {
        name, engine_type: 'oracle-to-gaussdbv5', description: 'made by Node.js', job_type: 'sync', job_direction: 'up',
        task_type: 'FULL_INCR_TRANS', net_type: 'eip', charging_mode: 'on_demand', expired_days: '14',
      };
      const job = {
        base_info: base, source_endpoint: [source], target_endpoint: [target], node_info: { spec: { node_type: 'medium' } },
      };
      const made = await call('POST', jobs, { job });
      assert.deepEqual([made.name, made.status], [name, 'CREATING']);
      return made.id;
    },

    async connect(id) {
      const query = await act(id, 'network', { endpoints: [source, target] });
      await until('the connection test', async () => {
        const results = (await show(id, 'network', query)).network_results;
        if (!results?.length) {
          return false;
        }
        assert.deepEqual(results.map((end) => end.success), [true, true], JSON.stringify(results));
        return true;
      });
    },

    save: (id) => update(id, 'network', { source_endpoint: [source], target_endpoint: [target] }),
    incomplete: (id) => update(id, 'policy', undefined),
    policy: (id) => update(id, 'policy', { policy_config: { conflict_policy: 'stop' } }),

    async precheck(id) {
      const query = await act(id, 'precheck', { precheck_mode: 'forStartJob' });
      const result = async () => (await show(id, 'precheck', query)).precheck_result;
      await until('the precheck', async () => (await result())?.process === '100%');
      assert.equal((await result()).total_passed_rate, '100%');
    },

    start: (id) => act(id, 'start', {}),
    pause: (id) => act(id, 'stop', { pause_mode: 'all' }),
    resume: (id) => act(id, 'restart', {}),
    end: (id) => act(id, 'terminate', {}),
    delete: (id) => call('DELETE', `${jobs}/${id}`),
    status: async (id, sk) => (await show(id, 'detail', undefined, sk)).status,

    // What was given at the creation is told again.
    async detail(id, name) {
      const job = await show(id, 'detail');
      const { db_type: kind, endpoint: from } = job.source_endpoint[0];
      assert.deepEqual(
        [job.id, job.base_info.name, job.status, job.base_info.description, job.base_info.engine_type, kind, from.db_port,
          from.db_password, job.policy_config.conflict_policy],
        [id, name, 'INCRE_TRANSFER_STARTED', 'made by Node.js', 'oracle-to-gaussdbv5', 'oracle', address('SOURCE')[1],
          undefined, 'stop']);
    },

    // The full phase is told to be done.
    async progress(id) {
      const found = (await show(id, 'progress')).progress_info;
      assert.deepEqual([found.progress, found.transfer_status], ['100', 'INCRE_TRANSFER_STARTED']);
    },

    async list(id, name) {
      const answer = await call('GET', jobs, undefined, { job_type: 'sync', name, engine_type: 'oracle-to-gaussdbv5' });
      return answer.jobs.map((job) => job.name);
    },
  };
}
