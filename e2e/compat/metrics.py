#!/usr/bin/env python3
"""Holds the metrics that each program serves against those that Kubernetes v1.35's has, by name, type, labels,
stability and buckets. metrics/*.txt lists them, and why some are not served: what is served must not be listed so.

  e2e/compat/metrics.py SKIFF      Needs root: it has a network and mounts of its own. Ends with 77 without.

A line of a list, which goes on below where that begins with blanks:
  NAME TYPE STABILITY LABEL... [| BUCKET...]   buckets as exp(first,factor,count), lin(first,step,count), def or numbers
  NAME TYPE~ ...                               served, but only once something has happened that is not done here
  NAME - WHY                                   not served
  @FILE                                        all of that list, too
"""
import argparse
import base64
import collections
import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
DEFAULT_BUCKETS = [.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10]
Metric = collections.namedtuple('Metric', 'type stability labels buckets rare why')
Served = collections.namedtuple('Served', 'type help labels buckets')
failures = []


def buckets_of(words):
    bounds = []
    for word in words:
        made = re.fullmatch(r'(exp|lin)\(([^,]+),([^,]+),(\d+)\)', word)
        if word == 'def':
            bounds += DEFAULT_BUCKETS
        elif made:
            first, step, count = float(made[2]), float(made[3]), int(made[4])
            bounds += [first * step ** i if made[1] == 'exp' else first + step * i for i in range(count)]
        else:
            bounds.append(float(word))
    return bounds


def read_list(name):
    metrics, lines = {}, []
    with open(f'{HERE}/metrics/{name}.txt') as file:
        for line in file:
            if line.startswith('#') or not line.strip():
                continue
            if line.startswith(' '):
                lines[-1] += line
            else:
                lines.append(line)
    for line in lines:
        if line.startswith('@'):
            metrics.update(read_list(line[1:].strip()))
            continue
        words, _, bounds = line.partition('|')
        name, kind, *rest = words.split()
        if kind == '-':
            metrics[name] = Metric('', '', set(), [], False, ' '.join(rest))
        else:
            metrics[name] = Metric(kind.rstrip('~'), rest[0], set(rest[1:]), buckets_of(bounds.split()),
                                   kind.endswith('~'), '')
    return metrics


LINE = re.compile(r'(\w+)(?:\{(.*)\})? (\S+)(?: (\d+))?')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)",?')


def read_text(text):
    """Families by their names; labels are those that their series have, but le and quantile."""
    families = {}
    helps = {}
    family = None
    for line in text.splitlines():
        if line.startswith('# HELP '):
            _, _, name, words = line.split(' ', 3)
            helps[name] = words
        elif line.startswith('# TYPE '):
            _, _, name, kind = line.split(' ')
            assert name not in families, f'{name} is there twice'
            family = name
            families[name] = Served(kind, helps.get(name, ''), set(), [])
        elif line and not line.startswith('#'):
            parts = LINE.fullmatch(line)
            assert parts, f'no line of metrics: {line}'
            labels = LABEL.findall(parts[2] or '')
            assert family and parts[1].startswith(family), f'{parts[1]} has no head'
            served = families[family]
            served.labels.update(name for name, _ in labels if name not in ('le', 'quantile'))
            for name, value in labels:
                if name == 'le' and value != '+Inf' and float(value) not in served.buckets:
                    served.buckets.append(float(value))
    return families


def near(some, others):
    return len(some) == len(others) and all(abs(a - b) <= 1e-9 * max(abs(a), abs(b), 1e-9) for a, b in zip(some, others))


def compare(where, lists, text):
    wanted = {}
    for name in lists:
        wanted.update(read_list(name))
    served = read_text(text)
    bad = lambda name, why: failures.append(f'{where}: {name} {why}')
    for name, metric in wanted.items():
        if name not in served:
            if not metric.why and not metric.rare:
                bad(name, 'is not served')
            continue
        found = served[name]
        if metric.why:
            bad(name, f'is served: it is not any more true that "{metric.why}"')
            continue
        if found.type != metric.type:
            bad(name, f'is a {found.type} instead of a {metric.type}')
        if metric.stability != 'NONE' and not found.help.startswith(f'[{metric.stability}] '):
            bad(name, f'is not {metric.stability}: {found.help}')
        if found.labels != metric.labels:
            bad(name, f'has labels {sorted(found.labels)} instead of {sorted(metric.labels)}')
        if not near(found.buckets, metric.buckets):
            bad(name, f'has buckets {found.buckets} instead of {metric.buckets}')
    for name in served:
        if name not in wanted:
            bad(name, f'is not Kubernetes\' ({served[name].type}: {served[name].help})')
    print(f'{where}: {len(served)} of {len(wanted)} served, {sum(bool(m.why) for m in wanted.values())} are not')


class Cluster:
    """The programs, each by itself, and one of simulated nodes."""

    def __init__(self, skiff, work):
        self.skiff, self.work, self.programs = skiff, work, []
        self.context = ssl.create_default_context()
        self.context.check_hostname = False
        self.context.verify_mode = ssl.CERT_NONE

    def start(self, name, *flags):
        log = open(f'{self.work}/{name}.log', 'w')
        self.programs.append(subprocess.Popen([self.skiff, name, *flags], stdout=log, stderr=log))

    def stop(self):
        for program in reversed(self.programs):
            program.send_signal(signal.SIGTERM)
            try:
                program.wait(30)
            except subprocess.TimeoutExpired:
                program.kill()
        if os.path.exists(f'{self.work}/simulated'):
            subprocess.run([self.skiff, 'down', f'--data-dir={self.work}/simulated'], stdout=subprocess.DEVNULL)

    def ask(self, url, method='GET', body=None, kind='application/json', token='admin-token', timeout=10):
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        headers = {'Authorization': f'Bearer {token}', 'Content-Type': kind} if token else {'Content-Type': kind}
        request = urllib.request.Request(url, data=data, method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=timeout, context=self.context) as answer:
            return answer.read().decode()

    def tried(self, *args, **more):
        try:
            return self.ask(*args, **more)
        except urllib.error.HTTPError as error:
            return error.read().decode()

    def until(self, url, holds, **more):
        """What the URL says once that holds; retried, for another process makes it so."""
        end, text = time.monotonic() + 60, ''
        while time.monotonic() < end:
            try:
                text = self.ask(url, **more)
                if holds(text):
                    return text
            except OSError as error:
                text = str(error)
            time.sleep(.1)
        raise SystemExit(f'FAILED: {url} never came: {text[:500]}')


def free_port():
    with socket.socket() as some:
        some.bind(('127.0.0.1', 0))
        return some.getsockname()[1]


def write(path, text):
    with open(path, 'w') as file:
        file.write(text)
    return path


def kubeconfig(work, user, server):
    return write(f'{work}/{user}.conf', json.dumps({
        'apiVersion': 'v1', 'kind': 'Config', 'current-context': 'kube',
        'clusters': [{'name': 'kube', 'cluster': {'server': server, 'insecure-skip-tls-verify': True}}],
        'users': [{'name': user, 'user': {'token': f'{user}-token'}}],
        'contexts': [{'name': 'kube', 'context': {'cluster': 'kube', 'user': user}}]}))


TOKENS = '''admin-token,admin,u-admin,"system:masters"
bob-token,bob,u-bob
controllers-token,system:kube-controller-manager,u-controllers
scheduler-token,system:kube-scheduler,u-scheduler
kubelet-token,system:node:node-1,u-node,"system:nodes"
'''
AUDIT = json.dumps({'apiVersion': 'audit.k8s.io/v1', 'kind': 'Policy', 'rules': [{'level': 'Metadata'}]})
POD = {'containers': [{'name': 'c', 'image': 'example.com/c:1', 'resources': {
    'requests': {'cpu': '10m'}, 'limits': {'cpu': '1'}}}]}


def start_programs(cluster):
    work = cluster.work
    ports = {name: free_port() for name in ('api', 'manager', 'scheduler', 'kubelet', 'proxy', 'health')}
    server = f'https://127.0.0.1:{ports["api"]}'
    key = f'{work}/accounts.key'
    subprocess.run(['openssl', 'genrsa', '-out', key, '2048'], check=True, stderr=subprocess.DEVNULL)
    secret = base64.b64encode(b'0123456789abcdef0123456789abcdef').decode()
    sealed = write(f'{work}/encryption.yaml', json.dumps({
        'apiVersion': 'apiserver.config.k8s.io/v1', 'kind': 'EncryptionConfiguration', 'resources': [{
            'resources': ['secrets'], 'providers': [{'aescbc': {'keys': [{'name': 'k', 'secret': secret}]}}]}]}))
    cluster.start('apiserver', f'--data-dir={work}/data', '--bind-address=127.0.0.1', f'--secure-port={ports["api"]}',
                  f'--cert-dir={work}/certs', f'--token-auth-file={write(work + "/tokens.csv", TOKENS)}',
                  '--authorization-mode=Node,RBAC', '--service-cluster-ip-range=10.0.0.0/24',
                  '--service-account-issuer=https://kubernetes.default.svc', f'--service-account-key-file={key}',
                  f'--service-account-signing-key-file={key}', f'--encryption-provider-config={sealed}',
                  f'--audit-policy-file={write(work + "/audit.yaml", AUDIT)}', f'--audit-log-path={work}/audit.json')
    cluster.until(f'{server}/readyz', lambda text: text == 'ok')
    common = lambda user: [f'--kubeconfig={kubeconfig(work, user, server)}']
    own = lambda name: ['--bind-address=127.0.0.1', f'--secure-port={ports[name]}', f'--cert-dir={work}/{name}']
    cluster.start('controller-manager', *common('controllers'), *own('manager'), '--allocate-node-cidrs',
                  '--cluster-cidr=10.244.0.0/16', f'--root-ca-file={work}/certs/apiserver.crt',
                  f'--service-account-private-key-file={key}')
    cluster.start('scheduler', *common('scheduler'), *own('scheduler'))
    cluster.start('kube-proxy', *common('admin'), '--hostname-override=node-1',
                  f'--metrics-bind-address=127.0.0.1:{ports["proxy"]}',
                  f'--healthz-bind-address=127.0.0.1:{ports["health"]}')
    config = write(f'{work}/kubelet.yaml', json.dumps({
        'apiVersion': 'kubelet.config.k8s.io/v1beta1', 'kind': 'KubeletConfiguration', 'address': '127.0.0.1',
        'port': ports['kubelet'], 'healthzPort': 0, 'containerRuntimeEndpoint': f'unix://{work}/none.sock',
        'failCgroupV1': False, 'podLogsDir': f'{work}/logs', 'failSwapOn': False,
        'authentication': {'webhook': {'enabled': True}, 'anonymous': {'enabled': False}},
        'authorization': {'mode': 'Webhook'}}))
    cluster.start('kubelet', *common('kubelet'), f'--config={config}', '--hostname-override=node-1',
                  '--node-ip=127.0.0.1', f'--root-dir={work}/kubelet', f'--cert-dir={work}/kubelet/pki')
    return server, ports


def do_some_of_everything(cluster, server):
    core = f'{server}/api/v1/namespaces/default'
    apps = f'{server}/apis/apps/v1/namespaces/default'
    make = lambda url, kind, name, api='v1', **rest: cluster.ask(url, 'POST', {
        'apiVersion': api, 'kind': kind, 'metadata': {'name': name}, **rest})
    make(f'{server}/api/v1/nodes', 'Node', 'n1')
    cluster.ask(f'{server}/api/v1/nodes/n1/status', 'PATCH', {'status': {
        'allocatable': {'cpu': '4', 'memory': '8Gi', 'pods': '20'}, 'capacity': {'cpu': '4', 'memory': '8Gi', 'pods': '20'},
        'conditions': [{'type': 'Ready', 'status': 'True',
                        'lastHeartbeatTime': time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}]}},
        'application/merge-patch+json')
    cluster.until(f'{core}/serviceaccounts/default', lambda text: True)
    template = {'metadata': {'labels': {'app': 'web'}}, 'spec': POD}
    make(f'{apps}/deployments', 'Deployment', 'web', 'apps/v1',
         spec={'replicas': 2, 'selector': {'matchLabels': {'app': 'web'}}, 'template': template})
    make(f'{core}/services', 'Service', 'web',
         spec={'selector': {'app': 'web'}, 'type': 'NodePort', 'ports': [{'port': 80}]})
    make(f'{core}/secrets', 'Secret', 'sealed', stringData={'a': 'b'})
    make(f'{core}/pods', 'Pod', 'large', spec={'containers': [{
        'name': 'c', 'image': 'example.com/c:1', 'resources': {'requests': {'cpu': '100'}}}]})
    make(f'{server}/apis/batch/v1/namespaces/default/jobs', 'Job', 'once', 'batch/v1',
         spec={'template': {'spec': {**POD, 'restartPolicy': 'Never'}}})
    make(f'{server}/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers', 'HorizontalPodAutoscaler', 'web',
         'autoscaling/v2', spec={'maxReplicas': 3, 'metrics': [{'type': 'Resource', 'resource': {
             'name': 'cpu', 'target': {'type': 'Utilization', 'averageUtilization': 50}}}],
             'scaleTargetRef': {'apiVersion': 'apps/v1', 'kind': 'Deployment', 'name': 'web'}})
    make(f'{core}/persistentvolumeclaims', 'PersistentVolumeClaim', 'room',
         spec={'accessModes': ['ReadWriteOnce'], 'resources': {'requests': {'storage': '1Gi'}}})
    make(f'{server}/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies', 'ValidatingAdmissionPolicy',
         'few', 'admissionregistration.k8s.io/v1', spec={
             'matchConstraints': {'resourceRules': [{'apiGroups': [''], 'apiVersions': ['v1'], 'operations': ['CREATE'],
                                                     'resources': ['configmaps']}]},
             'validations': [{'expression': "object.metadata.name != 'refused'"}]})
    make(f'{server}/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings',
         'ValidatingAdmissionPolicyBinding', 'few', 'admissionregistration.k8s.io/v1',
         spec={'policyName': 'few', 'validationActions': ['Deny']})
    token = json.loads(cluster.ask(f'{core}/serviceaccounts/default/token', 'POST', {
        'apiVersion': 'authentication.k8s.io/v1', 'kind': 'TokenRequest', 'spec': {}}))['status']['token']
    cluster.ask(f'{server}/version', token=token)
    cluster.tried(f'{server}/version', token='nobody-knows')
    cluster.tried(f'{core}/secrets', token='bob-token')
    cluster.ask(f'{core}/configmaps?dryRun=All&fieldValidation=Strict', 'POST', {
        'apiVersion': 'v1', 'kind': 'ConfigMap', 'metadata': {'name': 'dry'}})
    make(f'{core}/configmaps', 'ConfigMap', 'some', data={'k': 'v' * 2000})
    cluster.ask(f'{core}/configmaps?watch=true&resourceVersion=0&timeoutSeconds=1', timeout=20)
    cluster.ask(f'{core}/configmaps?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&'
                'allowWatchBookmarks=true&timeoutSeconds=1', timeout=20)
    cluster.ask(f'{core}/configmaps?limit=1')
    cluster.ask(f'{core}/configmaps/some', 'DELETE')
    refused = {'apiVersion': 'v1', 'kind': 'ConfigMap', 'metadata': {'name': 'refused'}}
    end = time.monotonic() + 30
    while 'ValidatingAdmissionPolicy' not in cluster.tried(f'{core}/configmaps?dryRun=All', 'POST', refused):
        assert time.monotonic() < end, 'the policy refuses nothing'
    # Of an address of no range nothing is counted: one that is taken.
    taken = json.loads(cluster.ask(f'{core}/services/kubernetes'))['spec']['clusterIP']
    for wrong in {'clusterIP': taken, 'ports': [{'port': 80}]}, {'ports': [{'port': 80, 'nodePort': 7}]}:
        cluster.tried(f'{core}/services', 'POST', {'apiVersion': 'v1', 'kind': 'Service', 'metadata': {'name': 'beside'},
                                                   'spec': {'type': 'NodePort', **wrong}})
    pods = f'{core}/pods?labelSelector=app=web'
    cluster.until(pods, lambda text: sum('nodeName' in pod['spec'] for pod in json.loads(text)['items']) == 2)
    for pod in json.loads(cluster.ask(f'{core}/pods'))['items']:
        if 'nodeName' in pod['spec']:
            cluster.ask(f'{core}/pods/{pod["metadata"]["name"]}/status', 'PATCH', {'status': {
                'phase': 'Running', 'podIPs': [{'ip': '10.244.0.7'}], 'podIP': '10.244.0.7',
                'conditions': [{'type': 'Ready', 'status': 'True'}]}}, 'application/merge-patch+json')
    slices = f'{server}/apis/discovery.k8s.io/v1/namespaces/default/endpointslices'
    cluster.until(slices, lambda text: '10.244.0.7' in text)


def simulate(cluster, *words):
    config = f'--kubeconfig={cluster.work}/simulated/admin.kubeconfig'
    return subprocess.run([cluster.skiff, config, *words], check=True, capture_output=True, text=True).stdout


def simulated_metrics(cluster, path):
    """Once a container runs there."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        text = simulate(cluster, 'get', '--raw', f'/api/v1/nodes/node-0/proxy/metrics/{path}')
        if 'container="web"' in text:
            return text
        time.sleep(.1)
    raise SystemExit(f'FAILED: no container is measured: {text[:500]}')


def post_slowly(cluster, server, seconds):
    """The head first, and so much later what it announces."""
    body = json.dumps({'apiVersion': 'v1', 'kind': 'ConfigMap', 'metadata': {'name': 'slow'}}).encode()
    connection = http.client.HTTPSConnection(server.split('/')[2], context=cluster.context, timeout=30)
    connection.putrequest('POST', '/api/v1/namespaces/default/configmaps?dryRun=All')
    for name, value in {'Authorization': 'Bearer admin-token', 'Content-Type': 'application/json',
                        'Content-Length': len(body)}.items():
        connection.putheader(name, value)
    connection.endheaders()
    time.sleep(seconds)  # What is measured.
    connection.send(body)
    assert connection.getresponse().status == 201
    connection.close()


def sum_of(text, name, *labels):
    lines = [line for line in text.splitlines() if line.startswith(name + '_sum{') and all(each in line for each in labels)]
    return sum(float(line.rsplit(' ', 1)[1]) for line in lines)


def check_times(text, seconds):
    """A request's time begins when it arrives; the server's own when it has its turn."""
    labels = 'verb="POST"', 'resource="configmaps"'
    if not sum_of(text, 'apiserver_request_duration_seconds', 'dry_run="All"', *labels) >= seconds:
        failures.append('apiserver: apiserver_request_duration_seconds leaves out how long a request was in coming')
    if not sum_of(text, 'apiserver_request_sli_duration_seconds', *labels) < seconds:
        failures.append('apiserver: apiserver_request_sli_duration_seconds has how long a request was in coming')


def check(cluster):
    server, ports = start_programs(cluster)
    subprocess.run([cluster.skiff, 'up', '--nodes=1', f'--data-dir={cluster.work}/simulated', '--bind-address=127.0.0.1',
                    f'--secure-port={free_port()}'], check=True, stdout=subprocess.DEVNULL)
    simulate(cluster, 'run', 'web', '--image=example.com/web:1')
    do_some_of_everything(cluster, server)
    slowness = .5
    post_slowly(cluster, server, slowness)
    own = lambda name: f'https://127.0.0.1:{ports[name]}'
    texts = {}

    def held(where, lists, url, holds=lambda text: True):
        texts[where] = cluster.until(url, holds)
        compare(where, lists, texts[where])

    held('apiserver', ['apiserver'], f'{server}/metrics')
    check_times(texts['apiserver'], slowness)
    held('apiserver slis', ['slis'], f'{server}/metrics/slis')
    held('controller-manager', ['controller-manager'], own('manager') + '/metrics',
         lambda text: 'job_controller_job_syncs_total{' in text and 'endpoint_slice_controller_syncs{' in text)
    checked = lambda text: 'kubernetes_healthcheck' in text
    for name in ('manager', 'scheduler'):
        cluster.tried(own(name) + '/healthz')
    for path in ('healthz', 'livez'):
        cluster.until(f'http://127.0.0.1:{ports["health"]}/{path}', lambda text: True)
    held('controller-manager slis', ['slis'], own('manager') + '/metrics/slis', checked)
    held('scheduler', ['scheduler'], own('scheduler') + '/metrics')
    held('scheduler resources', ['scheduler-resources'], own('scheduler') + '/metrics/resources')
    held('scheduler slis', ['slis'], own('scheduler') + '/metrics/slis', checked)
    held('kubelet', ['kubelet'], own('kubelet') + '/metrics', lambda text: 'rest_client_requests_total{' in text)
    held('kubelet probes', ['kubelet-probes'], own('kubelet') + '/metrics/probes')
    held('kube-proxy', ['kube-proxy'], f'http://127.0.0.1:{ports["proxy"]}/metrics',
         lambda text: 'kubeproxy_network_programming_duration_seconds_bucket' in text)
    for path in ('resource', 'cadvisor'):
        where = f'simulated node {path}'
        texts[where] = simulated_metrics(cluster, path)
        compare(where, [f'kubelet-{path}'], texts[where])
    return texts


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('skiff')
    parser.add_argument('--keep', help='a directory for what the programs said')
    given = parser.parse_args()
    if 'SKIFF_METRICS_INSIDE' not in os.environ:
        if subprocess.run(['unshare', '--net', '--mount', 'true'], stderr=subprocess.DEVNULL).returncode != 0:
            print('skipped: no network of its own can be had')
            return 77
        os.environ['SKIFF_METRICS_INSIDE'] = '1'
        os.execvp('unshare', ['unshare', '--net', '--mount', '--', sys.executable, *sys.argv])
    subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
    with tempfile.TemporaryDirectory() as work:
        cluster = Cluster(os.path.abspath(given.skiff), work)
        try:
            texts = check(cluster)
            for name, text in texts.items() if given.keep else ():
                write(f'{given.keep}/{name.replace(" ", "-")}.metrics', text)
        except BaseException:
            for name in os.listdir(work):
                if name.endswith('.log'):
                    with open(f'{work}/{name}') as log:
                        print(f'--- {name}', *log.readlines()[-15:], sep='\n')
            raise
        finally:
            cluster.stop()
            subprocess.run(['umount', '--lazy', f'{work}/kubelet'], stderr=subprocess.DEVNULL)
    for failure in failures:
        print('FAILED:', failure)
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
