// Shows the pods labelled name=update-demo, live: a watch tells which there are, and each one's
// own data.json, read through the API server's pod proxy, which picture it serves.
'use strict';

const PODS = '/api/v1/namespaces/default/pods';
const SELECTOR = 'labelSelector=' + encodeURIComponent('name=update-demo');
const RETRY_MS = 1000;

const pods = new Map(); // By name: the pod, and the picture once it is known.

function proxyUrl(name, file) {
  return `${PODS}/${name}/proxy/${file}`;
}

function isReady(pod) {
  const conditions = (pod.status && pod.status.conditions) || [];
  return conditions.some((c) => c.type === 'Ready' && c.status === 'True');
}

function statusOf(pod) {
  if (pod.metadata.deletionTimestamp) return 'Terminating';
  return (pod.status && pod.status.phase) || 'Unknown';
}

function labelsOf(pod) {
  return Object.entries(pod.metadata.labels || {}).map(([key, value]) => `${key}=${value}`);
}

function element(name, text, parent) {
  const made = document.createElement(name);
  made.textContent = text;
  parent.append(made);
  return made;
}

function card(entry) {
  const { pod, image } = entry;
  const box = document.createElement('section');
  box.className = isReady(pod) ? 'pod' : 'pod waiting';
  box.dataset.pod = pod.metadata.name;
  box.dataset.image = image || '';
  element('h2', pod.metadata.name, box);
  if (image) {
    const picture = document.createElement('img');
    picture.alt = image;
    picture.src = proxyUrl(pod.metadata.name, image);
    box.append(picture);
  }
  const list = element('dl', '', box);
  const rows = [
    ['Status', statusOf(pod)],
    ['Host', pod.spec.nodeName || 'not yet'],
    ['Address', (pod.status && pod.status.podIP) || 'not yet'],
    ['Labels', labelsOf(pod).join(', ')],
    ['Picture', image || 'not yet'],
  ];
  for (const [title, value] of rows) {
    element('dt', title, list);
    element('dd', value, list);
  }
  return box;
}

// Replaces only the cards that look different, so that pictures do not flicker.
function render() {
  const container = document.getElementById('pods');
  const names = [...pods.keys()].sort();
  const present = new Map([...container.children].map((box) => [box.dataset.pod, box]));
  for (const [name, box] of present) {
    if (!pods.has(name)) box.remove();
  }
  for (const name of names) {
    const fresh = card(pods.get(name));
    const old = present.get(name);
    if (!old) container.append(fresh);
    else if (old.outerHTML !== fresh.outerHTML) old.replaceWith(fresh);
  }
  const ready = names.filter((name) => isReady(pods.get(name).pod)).length;
  document.getElementById('summary').textContent = `${ready} of ${names.length} pods ready`;
}

async function loadImage(name) {
  const entry = pods.get(name);
  if (!entry || entry.image || entry.loading || statusOf(entry.pod) !== 'Running') return;
  entry.loading = true;
  try {
    const answer = await fetch(proxyUrl(name, 'data.json'), { cache: 'no-store' });
    if (answer.ok) entry.image = (await answer.json()).image;
  } catch (error) {
    // The pod is not reachable yet: asked again below.
  }
  entry.loading = false;
  if (!pods.has(name)) return;
  if (entry.image) render();
  else setTimeout(() => loadImage(name), RETRY_MS);
}

function put(pod) {
  const name = pod.metadata.name;
  const entry = pods.get(name);
  // Another pod of the same name has a picture of its own.
  if (entry && entry.pod.metadata.uid === pod.metadata.uid) entry.pod = pod;
  else pods.set(name, { pod, image: null, loading: false });
  loadImage(name);
}

function apply(event) {
  if (event.type === 'ADDED' || event.type === 'MODIFIED') put(event.object);
  if (event.type === 'DELETED') pods.delete(event.object.metadata.name);
  if (event.type === 'ERROR') throw new Error(event.object.message);
}

async function list() {
  const answer = await fetch(`${PODS}?${SELECTOR}`);
  if (!answer.ok) throw new Error(`the list of pods answered ${answer.status}`);
  const found = await answer.json();
  const names = new Set(found.items.map((pod) => pod.metadata.name));
  for (const name of [...pods.keys()]) if (!names.has(name)) pods.delete(name);
  found.items.forEach(put);
  render();
  return found.metadata.resourceVersion;
}

async function watch(version) {
  const answer = await fetch(`${PODS}?${SELECTOR}&watch=true&resourceVersion=${version}`);
  if (!answer.ok) throw new Error(`the watch of pods answered ${answer.status}`);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let partial = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (partial + value).split('\n');
    partial = lines.pop();
    lines.filter((line) => line).forEach((line) => apply(JSON.parse(line)));
    render();
  }
}

async function run() {
  for (;;) {
    try {
      await watch(await list());
    } catch (error) {
      document.getElementById('summary').textContent = `No connection: ${error.message}`;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

run();
