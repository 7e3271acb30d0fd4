// What every script here uses: the libraries by version, promises that fail in time, and orders to the test that runs the script.
'use strict';
const assert = require('node:assert/strict');
const readline = require('node:readline');

const [, , server, relay, ...more] = process.argv;
const patience = 20000;

/** The library of this major version, as a function. */
function library(version) {
  const loaded = require(`socket.io-client-${version}`);
  return loaded.io || loaded;
}

/** A client; it comes back quickly when its line is cut. */
function open(version, address, transports, more = {}) {
  const options = { transports, forceNew: true, reconnectionDelay: 50, reconnectionDelayMax: 250, randomizationFactor: 0.2, timeout: 5000 };
  return library(version)(address, { ...options, ...more });
}

/** Fails where nothing comes. */
function within(promise, what) {
  let timer;
  const late = new Promise((_, fail) => {
    timer = setTimeout(() => fail(new Error(`nothing comes: ${what}`)), patience);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** The next event of this name. */
function next(client, name) {
  return within(new Promise((resolve) => client.once(name, (...values) => resolve(values))), name);
}

/** The acknowledgement of an event. */
function ask(client, name, body) {
  return within(new Promise((resolve) => client.emit(name, body, resolve)), `the answer to ${name}`);
}

/** Waits until a list is as long as that. */
async function until(condition, what) {
  const end = Date.now() + patience;
  while (!condition()) {
    assert.ok(Date.now() < end, `never: ${typeof what === 'function' ? what() : what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** Has the test do what only it can do. */
async function order(what) {
  console.log(`! ${what}`);
  assert.equal((await lines.next()).value, 'done');
}

/** Publishes by HTTP. */
async function publish(channel, data) {
  const response = await fetch(`${server}/v1/channels/${encodeURIComponent(channel)}/publications`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ data }),
  });
  assert.equal(response.status, 200);
}

/** Runs a story and ends the process, well or not. */
function run(story) {
  story().then(
    () => process.exit(0),
    (error) => {
      console.error(error);
      process.exit(1);
    },
  );
}

module.exports = { assert, server, relay, more, open, within, next, ask, until, order, publish, run };
