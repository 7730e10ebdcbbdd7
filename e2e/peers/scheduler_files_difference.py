"""What is said of files of configuration that cannot be: by a real kube-scheduler and by ours (see
scheduler_files_difference.sh)."""
import argparse
import os
import re
import sys

from flags_difference import said, unquoted

KNOWN = os.path.join(os.path.dirname(__file__), "scheduler_files_difference.txt")
KIND = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n"


def profiles(*each):
    return "profiles:\n" + "".join(f"- {one}\n" for one in each)


def plugins(text):
    return profiles(f"{{plugins: {{{text}}}}}")


def arguments(name, text):
    return profiles(f"{{pluginConfig: [{{name: {name}, args: {{{text}}}}}]}}")


def shape(points):
    return f"{{type: RequestedToCapacityRatio, requestedToCapacityRatio: {{shape: [{points}]}}}}"


CONSTRAINT = "topologyKey: a, whenUnsatisfiable: DoNotSchedule"
# What stands behind the kind, by name.
FILES = {
    "two of a name": profiles("schedulerName: a", "schedulerName: a"),
    "two, one without a name": profiles("schedulerName: a", "percentageOfNodesToScore: 3"),
    "an empty name": profiles('schedulerName: ""'),
    "another queueSort": profiles(
        "schedulerName: a",
        '{schedulerName: b, plugins: {queueSort: {disabled: [{name: "*"}], enabled: [{name: Foo}]}}}'),
    "two queueSorts": plugins("queueSort: {enabled: [{name: PrioritySort}, {name: Other}]}"),
    "no queueSort": plugins('queueSort: {disabled: [{name: "*"}]}'),
    "no bind": plugins('bind: {disabled: [{name: "*"}]}'),
    "nothing": plugins('multiPoint: {disabled: [{name: "*"}]}'),
    "an unknown filter": plugins("filter: {enabled: [{name: Nope}]}"),
    "an unknown plugin": plugins("multiPoint: {enabled: [{name: Nope}]}"),
    "a plugin that is gone": plugins("filter: {enabled: [{name: EBSLimits}]}"),
    "a plugin twice": plugins("filter: {enabled: [{name: NodeName}, {name: NodeName}]}"),
    "a plugin that does not score": plugins("score: {enabled: [{name: NodeName}]}"),
    "a plugin that does not permit": plugins("permit: {enabled: [{name: NodeName}]}"),
    "a weight below zero": plugins("score: {enabled: [{name: NodeAffinity, weight: -1}]}"),
    "an unknown point": plugins("nonsense: {}"),
    "arguments of a plugin that is gone": arguments("AzureDiskLimits", ""),
    "arguments twice": profiles("{pluginConfig: [{name: NodeAffinity}, {name: NodeAffinity}]}"),
    "arguments of another kind": arguments(
        "VolumeBinding", "apiVersion: kubescheduler.config.k8s.io/v1, kind: InterPodAffinityArgs"),
    "arguments of another version": arguments(
        "VolumeBinding", "apiVersion: kubescheduler.config.k8s.io/v1beta3, kind: VolumeBindingArgs"),
    "an unknown argument": arguments("NodeResourcesFit", "nonsense: 1"),
    "a hard weight": arguments("InterPodAffinity", "hardPodAffinityWeight: 101"),
    "an unknown strategy": arguments("NodeResourcesFit", "scoringStrategy: {type: Nope}"),
    "a resource's weight": arguments(
        "NodeResourcesFit", "scoringStrategy: {type: LeastAllocated, resources: [{name: cpu, weight: 101}]}"),
    "no shape": arguments("NodeResourcesFit", "scoringStrategy: " + shape("")),
    "a wrong shape": arguments("NodeResourcesFit", "scoringStrategy: " + shape(
        "{utilization: 50, score: 5}, {utilization: 40, score: 11}, {utilization: 101, score: -1}")),
    "ignored resources": arguments(
        "NodeResourcesFit", 'ignoredResources: ["a/b/c", cpu], ignoredResourceGroups: ["x/y", "-z"]'),
    "balanced resources": arguments(
        "NodeResourcesBalancedAllocation", "resources: [{name: cpu, weight: 2}, {name: cpu, weight: 1}]"),
    "an unknown defaultingType": arguments("PodTopologySpread", "defaultingType: Nope"),
    "constraints of the system": arguments(
        "PodTopologySpread", f"defaultingType: System, defaultConstraints: [{{maxSkew: 1, {CONSTRAINT}}}]"),
    "wrong constraints": arguments(
        "PodTopologySpread", 'defaultingType: List, defaultConstraints: [{maxSkew: 0, topologyKey: "", '
        'whenUnsatisfiable: Nope, labelSelector: {matchLabels: {a: b}}}]'),
    "constraints twice": arguments(
        "PodTopologySpread", f"defaultingType: List, defaultConstraints: [{{maxSkew: 1, {CONSTRAINT}}}, "
        f"{{maxSkew: 2, {CONSTRAINT}}}]"),
    "a time to bind": arguments("VolumeBinding", "bindTimeoutSeconds: -1"),
    "a shape of volumes": arguments("VolumeBinding", "shape: [{utilization: 0, score: 0}]"),
    "an unknown operator": arguments(
        "NodeAffinity", "addedAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: "
        "[{matchExpressions: [{key: a, operator: Nope}]}]}}"),
    "candidates": arguments("DefaultPreemption", "minCandidateNodesPercentage: 101, minCandidateNodesAbsolute: -1"),
    "no candidates": arguments("DefaultPreemption", "minCandidateNodesPercentage: 0, minCandidateNodesAbsolute: 0"),
    "a time to search": arguments("DynamicResources", "filterTimeout: -1s"),
    "no parallelism": "parallelism: 0\n",
    "a percentage": "percentageOfNodesToScore: 101\n",
    "a profile's percentage": profiles("percentageOfNodesToScore: -1"),
    "no back-off": "podInitialBackoffSeconds: 0\n",
    "back-offs below zero": "podInitialBackoffSeconds: -1\npodMaxBackoffSeconds: -2\n",
    "a back-off that shrinks": "podInitialBackoffSeconds: 5\npodMaxBackoffSeconds: 4\n",
    "a leader": "leaderElection: {leaderElect: true, leaseDuration: 1s, renewDeadline: 2s, resourceLock: nope}\n",
    "a burst": "clientConnection: {burst: -1, kubeconfig: {kubeconfig}}\n",
    "two binders": 'extenders: [{urlPrefix: "http://a", bindVerb: b}, {urlPrefix: "http://c", bindVerb: d}]\n',
    "an extender's weight": 'extenders: [{urlPrefix: "http://a", prioritizeVerb: p}]\n',
    "an extender's resources": 'extenders: [{urlPrefix: "http://a", filterVerb: f, managedResources: [{name: cpu}, '
                               '{name: x.y/z}, {name: x.y/z}, {name: kubernetes.io/x}]}]\n',
    "an unknown field": "nonsense: 1\n",
    "an unknown field of a profile": profiles("{nonsense: 1}"),
    "a field of another type": "parallelism: a\n",
    "much": "parallelism: -1\npercentageOfNodesToScore: 200\npodInitialBackoffSeconds: -1\n"
            "profiles: [{schedulerName: a, percentageOfNodesToScore: 300}, {schedulerName: a}]\n"
            'extenders: [{weight: -1, prioritizeVerb: p, urlPrefix: "http://a"}]\n',
}
# Whole ones.
OTHERS = {
    "a former version": "apiVersion: kubescheduler.config.k8s.io/v1beta3\nkind: KubeSchedulerConfiguration\n",
    "another kind": "apiVersion: kubescheduler.config.k8s.io/v1\nkind: Nope\n",
    "an empty file": "",
    "no YAML": "a: [b\n",
}


def main():
    parser = argparse.ArgumentParser()
    for name in ["kube", "ours", "work", "only"]:
        parser.add_argument("--" + name, default="")
    args = parser.parse_args()
    with open(KNOWN, encoding="utf-8") as file:
        known = dict(line.rstrip("\n").split(": ", 1) for line in file if not line.startswith("#"))
    # Where a server would be is found out before the plugins are made.
    kubeconfig = os.path.join(args.work, "kubeconfig")
    connection = f"clientConnection: {{kubeconfig: {kubeconfig}}}\n"
    files = {name: KIND + (rest if "clientConnection" in rest else connection + rest) for name, rest in FILES.items()}
    differ, count = 0, 0
    for name, text in {**files, **OTHERS}.items():
        if not re.search(args.only, name):
            continue
        count += 1
        path = os.path.join(args.work, "scheduler.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace("{kubeconfig}", kubeconfig))
        flags = [f"--config={path}", "--secure-port=0"]
        theirs = said([args.kube, "--authentication-skip-lookup=true"] + flags)
        ours = said([args.ours, "scheduler"] + flags)
        one, other = theirs and unquoted(theirs), ours and unquoted(ours)
        if (one == other) == (name not in known):
            continue
        differ += 1
        print(f"{'NO DIFFERENCE ANY MORE' if one == other else 'DIFFERS'} {name}\n"
              f"  kube-scheduler: {one or 'takes it'}\n  skiff:          {other or 'takes it'}")
    print(f"{count} files, {differ} differ, {len(known)} known")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
