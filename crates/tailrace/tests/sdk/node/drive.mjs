// Drives a job by the official SDK for Node.js through its whole life, and sees how it reports errors.
//
//   drive.mjs LINK NAME     LINK is mysql-to-kafka, taurus-to-kafka or oracle-to-gaussdbv5
//
// Prints "ok STEP" for each step; ends with 1 and words at the first that fails. The environment is that of the program in Go.
//
// There is no package of DRS for Node.js, so requests are spelled out; the SDK's core signs them and reads the answers. It prints every
// answer that is no success on standard output, among the steps.

import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';

import { SdkError, call, env } from './client.mjs';
import * as kafka from './kafka.mjs';
import * as oracle from './oracle.mjs';

// Longest wait for a state; the tests run on busy machines.
const WAIT_MS_MAX = 180_000;
const WAIT_STEP_MS = 100;
// No job has this id.
const NO_JOB = '00000000-0000-4000-8000-000000000000';

const [engine, name] = process.argv.slice(2);
if (!name) {
  fail('drive.mjs LINK NAME');
}
const link = engine === 'oracle-to-gaussdbv5' ? oracle.link(until) : kafka.link(engine, until);

const id = await ok('create', () => link.create(name));
await ok('is made', () => reaches('CONFIGURATION'));
await ok('connect', () => link.connect(id));
await ok('save', () => link.save(id));
await refused('a missing member', () => link.incomplete(id), 400, link.codes.missing, link.codes.member);
await ok('policy', () => link.policy(id));
await ok('objects', choose);
await ok('precheck', () => link.precheck(id));
await ok('start', () => link.start(id));
await ok('runs', () => reaches('INCRE_TRANSFER_STARTED'));
await ok('detail', () => link.detail(id, name));
await ok('progress', () => link.progress(id));
await ok('list', async () => assert.deepEqual(await link.list(id, name), [name]));
await ok('pause', () => link.pause(id).then(() => reaches('PAUSING')));
await ok('resume', () => link.resume(id).then(() => reaches('INCRE_TRANSFER_STARTED')));
await ok('end', () => link.end(id).then(() => reaches('RELEASE_RESOURCE_COMPLETE')));
await ok('delete', () => link.delete(id));
await refused('it is gone', () => link.status(id), 400, link.codes.gone, 'job');
await refused('no such job', () => link.status(NO_JOB), 400, link.codes.noJob, 'does not exist');
await refused('a wrong key', () => link.status(id, 'wrong'), 401, 'APIGW.0301', 'aksk');

// By v5 for every link: v3 has no names at the target.
async function choose() {
  const database = env('SELECT');
  const tables = env('TABLES').split(',').map((table) => [table, { name: table, type: 'table', all: true }]);
  const objects = {
    object_scope: 'table', ...link.root, object_info: { [database]: { name: database, tables: Object.fromEntries(tables) } },
  };
  const job = { type: 'db_object', params: { db_object: objects } };
  const { id: query } = await call('PUT', `/v5/{project_id}/jobs/${id}`, { job });
  await until('the objects to be saved', async () => {
    const { status } = await call('GET', `/v5/{project_id}/jobs/${id}/db-objects/saving-status`, undefined, { query_id: query });
    assert.notEqual(status, 'failed', 'the objects were not saved');
    return status === 'success';
  });
}

function reaches(wanted) {
  return until(`the job to be ${wanted}`, async () => {
    const status = await link.status(id);
    assert(!status.endsWith('_FAILED'), `the job is ${status}, not ${wanted}`);
    return status === wanted;
  });
}

async function until(what, look) {
  const end = Date.now() + WAIT_MS_MAX;
  while (!(await look())) {
    assert(Date.now() < end, `waited ${WAIT_MS_MAX} ms in vain for ${what}`);
    await setTimeout(WAIT_STEP_MS);
  }
}

async function ok(step, run) {
  try {
    const result = await run();
    console.log(`ok ${step}`);
    return result;
  } catch (error) {
    return fail(`${step}: ${error.name}: ${error.message} ${JSON.stringify(error)}`);
  }
}

// The call has to end in the SDK's own error with this status and code, a text with this in it, and a request id.
async function refused(step, run, status, code, text) {
  await ok(step, () => assert.rejects(run, (error) => {
    assert(error instanceof SdkError, `no error of the SDK: ${error}`);
    assert.deepEqual([error.httpStatusCode, error.errorCode], [status, code], error.errorMsg);
    assert(error.errorMsg.includes(text), `${error.errorMsg} lacks ${text}`);
    assert.match(error.requestId, /^[0-9a-f]{32}$/);
    return true;
  }));
}

function fail(words) {
  console.error(words);
  process.exit(1);
}
