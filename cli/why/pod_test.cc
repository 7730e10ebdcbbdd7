#include "cli/why/why_fixture.h"

namespace skiff::cli::why {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// A pod with one container "main" whose status is `state`, and further fields of that status.
std::string PodWith(const std::string& state, const std::string& more = "") {
  return R"(
kind: Pod
metadata: {name: web}
spec:
  nodeName: n1
  restartPolicy: Always
  containers:
  - name: main
    image: shop/web:2
    resources: {limits: {memory: 64Mi}}
    readinessProbe: {httpGet: {path: /ready, port: 8080}, periodSeconds: 5, failureThreshold: 2}
status:
  phase: Running
  conditions:
  - {type: Ready, status: "False", lastTransitionTime: "2026-01-02T02:50:00Z"}
  - {type: ContainersReady, status: "False", lastTransitionTime: "2026-01-02T02:50:00Z"}
  containerStatuses:
  - {name: main, ready: false, )" +
         more + "state: " + state + "}\n";
}

std::string NodeReady(const std::string& status) {
  return "{metadata: {name: n1}, status: {conditions: [{type: Ready, status: '" + status +
         "', message: Kubelet stopped, lastTransitionTime: '2026-01-02T02:58:00Z'}]}}";
}

TEST_F(WhyTest, APodThatIsReadyIsFine) {
  Add("nodes", NodeReady("True"));
  const std::string text = Why(R"(
kind: Pod
metadata: {name: web}
spec: {nodeName: n1, containers: [{name: main}]}
status:
  phase: Running
  conditions: [{type: Ready, status: "True", lastTransitionTime: "2026-01-02T02:55:00Z"}]
  containerStatuses: [{name: main, ready: true, state: {running: {}}}]
)");
  EXPECT_EQ(text,
            "pod/web runs and is ready; nothing is wrong.\n"
            "  ready for 5m, 1 container on node n1  [status.conditions]\n");
  EXPECT_TRUE(explanation_.healthy());
}

TEST_F(WhyTest, APodThatAPolicyIsolatesNamesIt) {
  constexpr char kReady[] =
      "{kind: Pod, metadata: {name: web, labels: {app: web}}, spec: {nodeName: n1, containers: "
      "[{name: main}]}, status: {phase: Running, conditions: [{type: Ready, status: 'True'}]}}";
  Add("networkpolicies",
      "{metadata: {name: closed}, spec: {podSelector: {matchLabels: {app: web}}, policyTypes: "
      "[Ingress, Egress]}}");
  Add("networkpolicies", "{metadata: {name: others}, spec: {podSelector: {matchLabels: {a: b}}}}");
  const std::string text = Why(kReady);
  EXPECT_THAT(text, HasSubstr("nobody reaches pod/web but its node: network policy closed isolates "
                              "it.\n  lets nobody in  [networkpolicy/closed]\n"));
  EXPECT_THAT(text, HasSubstr("pod/web reaches nobody, not even DNS: network policy closed "));
  EXPECT_THAT(text, HasSubstr("try: skiff describe networkpolicy closed -n default\n"));
  EXPECT_THAT(text, Not(HasSubstr("others")));
  EXPECT_TRUE(explanation_.healthy()) << "it may be meant so";
}

TEST_F(WhyTest, APodThatHasEndedWellIsFine) {
  EXPECT_THAT(Why("{kind: Pod, metadata: {name: a}, status: {phase: Succeeded}}"),
              StartsWith("pod/a has done its work and ended well; nothing is wrong.\n"));
  EXPECT_TRUE(explanation_.healthy());
}

TEST_F(WhyTest, AnImageThatDoesNotExist) {
  AddEvent("Pod/web", "Failed",
           "Failed to pull image \"shop/web:2\": failed to resolve: shop/web:2: not found");
  const std::string text = Why(PodWith(
      "{waiting: {reason: ImagePullBackOff, message: 'Back-off pulling image \"shop/web:2\"'}}"));
  EXPECT_THAT(text, StartsWith("pod/web: container main has no image shop/web:2: there is no such "
                               "image or tag.\n"));
  EXPECT_THAT(text, HasSubstr("[status.containerStatuses[0].state.waiting]"));
  EXPECT_THAT(text, HasSubstr("[event Failed, 60s ago, 3 times]"));
  EXPECT_THAT(text, HasSubstr("try: skiff set image pod/web main=IMAGE -n default\n"));
  EXPECT_EQ(first().cause, "ImagePull");
  EXPECT_FALSE(explanation_.healthy());
}

TEST_F(WhyTest, AnImageOfNoRegistryHasToBeLoaded) {
  const std::string local = Why(
      "{kind: Pod, metadata: {name: web}, spec: {nodeName: n1, containers: [{name: main, image: "
      "'skiff.local/unicorn:1.0'}]}, status: {phase: Pending, containerStatuses: [{name: main, "
      "state: {waiting: {reason: ErrImagePull, message: 'lookup skiff.local: no such host'}}}]}}");
  EXPECT_THAT(local, StartsWith("pod/web: container main has no image skiff.local/unicorn:1.0: no "
                                "registry has it, and it was not loaded on the node.\n"));
  EXPECT_THAT(local, HasSubstr("try: skiff image load FILE\n"));
  const std::string broken = Why(
      "{kind: Pod, metadata: {name: web}, spec: {nodeName: n1, containers: [{name: main, image: "
      "'skiff.local/Unicorn:'}]}, status: {phase: Pending, containerStatuses: [{name: main, "
      "state: {waiting: {reason: InvalidImageName}}}]}}");
  EXPECT_THAT(broken, HasSubstr("that is no name of an image"));
  EXPECT_THAT(broken, Not(HasSubstr("image load")));
  EXPECT_THAT(Why(PodWith("{waiting: {reason: ErrImageNeverPull}}")),
              HasSubstr("try: skiff image load FILE\n"));
}

TEST_F(WhyTest, WhatRegistriesSayIsToldApart) {
  const std::pair<const char*, const char*> cases[] = {
      {"pull access denied, authorization failed", "or it wants credentials"},
      {"dial tcp: lookup reg.example: no such host", "cannot be resolved from the node"},
      {"dial tcp 10.0.0.1:443: i/o timeout", "cannot be reached from the node"},
      {"429 Too Many Requests - toomanyrequests", "asked too often"},
      {"no match for platform in manifest: not found", "for this node's architecture"},
      {"x509: certificate signed by unknown authority", "cannot be spoken to safely"},
      {"something else", "it cannot be pulled"}};
  for (const auto& [message, words] : cases) {
    EXPECT_THAT(
        Why(PodWith(std::string("{waiting: {reason: ErrImagePull, message: '") + message + "'}}")),
        HasSubstr(words));
  }
}

TEST_F(WhyTest, AContainerThatCrashesShowsItsCodeAndLastLines) {
  facts_.logs["default/web/main"] = "starting\npanic: no database\n";
  const std::string text = Why(
      PodWith("{waiting: {reason: CrashLoopBackOff}}",
              "restartCount: 4, lastState: {terminated: {exitCode: 1, reason: Error, startedAt: "
              "'2026-01-02T02:57:50Z', finishedAt: '2026-01-02T02:58:00Z'}}, "));
  EXPECT_THAT(text, StartsWith("pod/web: container main ended with code 1, and has been restarted "
                               "4 times.\n"));
  EXPECT_THAT(text, HasSubstr("Error, exit code 1, 2m ago, after 10s  "
                              "[status.containerStatuses[0].lastState.terminated]\n"));
  EXPECT_THAT(text, HasSubstr("  panic: no database  [its last lines]\n"));
  EXPECT_THAT(text, HasSubstr("try: skiff logs web -c main --previous -n default\n"));
}

TEST_F(WhyTest, MemoryThatRanOutIsSaidWithTheLimit) {
  const std::string ended =
      "restartCount: 1, lastState: {terminated: {exitCode: 137, reason: OOMKilled}}, ";
  EXPECT_THAT(Why(PodWith("{waiting: {reason: CrashLoopBackOff}}", ended)),
              StartsWith("pod/web: container main was killed as it used more memory than its limit "
                         "of 64Mi, and has been restarted once.\n"));
  EXPECT_EQ(first().cause, "OOMKilled");
}

TEST_F(WhyTest, ALivenessProbeThatKillsIsNotTakenForACrash) {
  AddEvent("Pod/web", "Killing", "Container main failed liveness probe, will be restarted");
  EXPECT_THAT(
      Why(PodWith("{waiting: {reason: CrashLoopBackOff}}",
                  "restartCount: 3, lastState: {terminated: {exitCode: 137, reason: Error}}, ")),
      StartsWith("pod/web: container main was killed as its liveness probe failed, and has been "
                 "restarted 3 times.\n"));
}

TEST_F(WhyTest, AReadinessProbeThatFailsIsNamedSinceWhen) {
  AddEvent("Pod/web", "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503",
           "spec.containers{main}");
  AddEvent("Pod/web", "Unhealthy", "Readiness probe failed: of another", "spec.containers{other}");
  const std::string text = Why(PodWith("{running: {startedAt: '2026-01-02T02:49:00Z'}}"));
  EXPECT_THAT(text, StartsWith("pod/web: container main runs but is not ready: its readiness probe "
                               "fails, not ready for 10m.\n"));
  EXPECT_THAT(text, HasSubstr("the probe is GET /ready on port 8080, every 5s, 2 failures count"));
  EXPECT_THAT(text, HasSubstr("HTTP probe failed with statuscode: 503"));
  EXPECT_THAT(text, Not(HasSubstr("of another")));
}

TEST_F(WhyTest, AProbeThatNothingIsKnownOfIsWaitedFor) {
  EXPECT_THAT(Why(PodWith("{running: {startedAt: '2026-01-02T02:59:58Z'}}")),
              HasSubstr("its readiness probe has not succeeded yet"));
  EXPECT_EQ(first().weight, Weight::kWaits);
}

TEST_F(WhyTest, AConfigMapThatIsMissing) {
  const std::string text =
      Why(PodWith("{waiting: {reason: CreateContainerConfigError, message: 'configmap \"settings\" "
                  "not found'}}"));
  EXPECT_THAT(text, StartsWith("pod/web: container main cannot be made: configmap \"settings\" not "
                               "found.\n"));
  EXPECT_THAT(text, HasSubstr("skiff create configmap settings"));
}

TEST_F(WhyTest, AConfigMapThatIsThereByNowIsNotSaidToBeMissing) {
  const std::string pod = PodWith(
      "{waiting: {reason: CreateContainerConfigError, message: 'configmap \"settings\" not "
      "found'}}");
  EXPECT_EQ(SourcesMissed(facts_, Parsed(pod)),
            (std::set<MissedSource>{{"configmap", "settings"}}));
  None("configmaps");
  EXPECT_THAT(Why(pod), HasSubstr("cannot be made"));
  Add("configmaps", "{metadata: {name: settings}}");
  const std::string text = Why(pod);
  EXPECT_THAT(text, StartsWith("pod/web: container main is not made yet: it waited for configmap "
                               "settings, which is there by now, and the kubelet tries again.\n"));
  EXPECT_THAT(text, testing::Not(HasSubstr("skiff create")));
  EXPECT_EQ(first().weight, Weight::kWaits);
}

TEST_F(WhyTest, NoNameIsACommandForAShell) {
  const std::string text =
      Why(PodWith("{waiting: {reason: CreateContainerConfigError, message: 'configmap \"a;$(b)\" "
                  "not found'}}"));
  EXPECT_THAT(text, HasSubstr("skiff create configmap 'a;$(b)' --from-literal"));
  EXPECT_EQ(ShellWord("deployment/web-1"), "deployment/web-1");
  EXPECT_EQ(ShellWord("it's"), "'it'\\''s'");
  EXPECT_EQ(ShellWord("--all"), "'--all'");
  EXPECT_EQ(ShellWord(""), "''");
}

TEST_F(WhyTest, AnInitContainerThatFailsHidesWhatWaitsForIt) {
  const std::string text = Why(R"(
kind: Pod
metadata: {name: web}
spec:
  nodeName: n1
  restartPolicy: Always
  initContainers: [{name: migrate, image: a}, {name: second, image: a}]
  containers: [{name: main, image: a}]
status:
  phase: Pending
  initContainerStatuses:
  - name: migrate
    restartCount: 2
    state: {waiting: {reason: CrashLoopBackOff}}
    lastState: {terminated: {exitCode: 127, reason: Error}}
  - {name: second, state: {waiting: {reason: PodInitializing}}}
  containerStatuses: [{name: main, state: {waiting: {reason: PodInitializing}}}]
)");
  EXPECT_THAT(text, StartsWith("pod/web: init container migrate ended with code 127: its command "
                               "was not found in the image, and has been restarted 2 times.\n"));
  EXPECT_EQ(explanation_.findings.size(), 1U);
}

TEST_F(WhyTest, AnInitContainerThatRunsIsWaitedFor) {
  facts_.logs["default/web/wait"] = "waiting for db:5432\n";
  const std::string text = Why(R"(
kind: Pod
metadata: {name: web}
spec: {nodeName: n1, initContainers: [{name: wait}], containers: [{name: main}]}
status:
  phase: Pending
  initContainerStatuses:
  - {name: wait, state: {running: {startedAt: "2026-01-02T02:30:00Z"}}}
)");
  EXPECT_THAT(text, StartsWith("pod/web waits for init container wait (1 of 1), which has run for "
                               "30m.\n"));
  EXPECT_THAT(text, HasSubstr("waiting for db:5432  [its last lines]"));
}

TEST_F(WhyTest, AVolumeThatCannotBeMountedHoldsThePodUp) {
  AddEvent("Pod/web", "FailedMount",
           "MountVolume.SetUp failed for volume \"v\" : secret \"s\" not found");
  EXPECT_THAT(
      Why(PodWith("{waiting: {reason: ContainerCreating}}")),
      StartsWith("pod/web is held up on node n1: there is no secret s, which a volume of it is to "
                 "show.\n"
                 "  MountVolume.SetUp failed for volume \"v\" : secret \"s\" not found  ["));
  Add("secrets", "{metadata: {name: s}}");
  EXPECT_THAT(Why(PodWith("{waiting: {reason: ContainerCreating}}")),
              StartsWith("pod/web is held up on node n1: it waited for secret s, which is there by "
                         "now, and the kubelet tries again.\n"));
  EXPECT_EQ(first().weight, Weight::kWaits);
  facts_.lists["events"].clear();
  AddEvent("Pod/web", "FailedMount", "MountVolume.SetUp failed for volume \"v\" : no such device");
  EXPECT_THAT(Why(PodWith("{waiting: {reason: ContainerCreating}}")),
              StartsWith("pod/web is held up on node n1: its volume v cannot be had: no such "
                         "device.\n"));
  facts_.lists["events"].clear();
  AddEvent("Pod/web", "FailedMount", "Unable to attach or mount volumes: timed out");
  EXPECT_THAT(Why(PodWith("{waiting: {reason: ContainerCreating}}")),
              StartsWith("pod/web is held up on node n1: a volume of it cannot be had.\n"));
}

TEST_F(WhyTest, ANodeThatIsNotReadyOrGone) {
  Add("nodes", NodeReady("Unknown"));
  const std::string running = PodWith("{running: {}}");
  EXPECT_THAT(Why(running),
              StartsWith("pod/web is on node n1, which has not been ready for 2m.\n"));
  facts_.lists["nodes"].clear();
  EXPECT_THAT(Why(running), StartsWith("pod/web is on node n1, which does not exist.\n"));
}

TEST_F(WhyTest, APodThatShouldBeGone) {
  const std::string text = Why(R"(
kind: Pod
metadata:
  name: web
  deletionTimestamp: "2026-01-02T02:50:00Z"
  deletionGracePeriodSeconds: 30
  finalizers: [acme.io/hold]
spec: {nodeName: n1}
status: {phase: Running}
)");
  EXPECT_THAT(text, StartsWith("pod/web is being deleted, and should have been gone 10m ago.\n"));
  EXPECT_THAT(text, HasSubstr("acme.io/hold  [metadata.finalizers]"));
}

TEST_F(WhyTest, AnEvictedPodSaysByWhatItWent) {
  EXPECT_THAT(Why("{kind: Pod, metadata: {name: a}, status: {phase: Failed, reason: Evicted, "
                  "message: 'The node was low on resource: memory. '}}"),
              StartsWith("pod/a has failed (Evicted): The node was low on resource: memory, and "
                         "runs no more.\n"));
}

TEST_F(WhyTest, ReadinessGatesThatNobodySets) {
  const std::string text = Why(R"(
kind: Pod
metadata: {name: web}
spec: {nodeName: n1, containers: [{name: main}], readinessGates: [{conditionType: acme.io/up}]}
status:
  phase: Running
  conditions: [{type: Ready, status: "False"}]
  containerStatuses: [{name: main, ready: true, state: {running: {}}}]
)");
  EXPECT_THAT(text,
              StartsWith("pod/web is not ready as its readiness gate acme.io/up is not set by "
                         "anybody.\n"));
}

TEST_F(WhyTest, WhatMayNotBeSeenIsSaid) {
  facts_.unread["nodes"] = "you may not see them";
  EXPECT_THAT(Why("{kind: Pod, metadata: {name: a}, status: {phase: Succeeded}}"),
              HasSubstr("Not looked at: nodes (you may not see them).\n"));
}

TEST_F(WhyTest, ProgramsGetTheSame) {
  Why("{kind: Pod, metadata: {name: a}, status: {phase: Failed, reason: Evicted}}");
  const Json document = DocumentFor(explanation_);
  EXPECT_EQ(document["object"], "pod/a");
  EXPECT_EQ(document["healthy"], false);
  EXPECT_EQ(document["findings"][0]["cause"], "Evicted");
  EXPECT_EQ(document["findings"][0]["weight"], "wrong");
}

TEST_F(WhyTest, WhatAVolumeIsToShowAndIsNotThereIsNamed) {
  Add("nodes", NodeReady("True"));
  AddEvent("Pod/web", "FailedMount",
           "MountVolume.SetUp failed for volume \"s\" : secret \"keys\" not found");
  const std::string text = Why(R"(
kind: Pod
metadata: {name: web}
spec: {nodeName: n1, containers: [{name: main}]}
status:
  phase: Pending
  containerStatuses: [{name: main, state: {waiting: {reason: ContainerCreating}}}]
)");
  EXPECT_THAT(text, StartsWith("pod/web is held up on node n1: there is no secret keys, which a "
                               "volume of it is to show.\n"));
  EXPECT_THAT(text, HasSubstr("try: skiff create secret generic keys --from-literal=KEY=VALUE -n "
                              "default\n"));
}

TEST_F(WhyTest, OfAKeyThatIsMissingTheOthersAreShown) {
  Add("nodes", NodeReady("True"));
  const std::string text = Why(R"(
kind: Pod
metadata: {name: web}
spec: {nodeName: n1, containers: [{name: main}]}
status:
  phase: Pending
  containerStatuses:
  - name: main
    state: {waiting: {reason: CreateContainerConfigError, message: "couldn't find key pasword in Secret default/keys"}}
)");
  EXPECT_THAT(text, HasSubstr("try: skiff describe secret keys -n default\n"));
}

TEST_F(WhyTest, NothingIsWrongIsNotSaidBesideWhatWentWrong) {
  Add("nodes", NodeReady("True"));
  const std::string text = Why(R"(
kind: Pod
metadata: {name: web}
spec: {nodeName: n1, containers: [{name: main}]}
status:
  phase: Running
  conditions: [{type: Ready, status: "True", lastTransitionTime: "2026-01-02T02:59:59Z"}]
  containerStatuses:
  - name: main
    ready: true
    restartCount: 2
    state: {running: {startedAt: "2026-01-02T02:59:59Z"}}
    lastState: {terminated: {exitCode: 1, finishedAt: "2026-01-02T02:59:58Z"}}
)");
  EXPECT_THAT(text, HasSubstr("ended with code 1"));
  EXPECT_THAT(text, HasSubstr("pod/web runs and is ready.\n"));
  EXPECT_THAT(text, Not(HasSubstr("nothing is wrong")));
}

}  // namespace
}  // namespace skiff::cli::why
