#include "cli/why/why_fixture.h"

namespace skiff::cli::why {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class WhyWorkloadTest : public WhyTest {
 protected:
  static std::string DeploymentOf(int replicas, int ready, const std::string& conditions = "") {
    return "{kind: Deployment, metadata: {name: web, uid: d1, generation: 2}, spec: {replicas: " +
           std::to_string(replicas) +
           "}, status: {observedGeneration: 2, readyReplicas: " + std::to_string(ready) +
           ", conditions: [" + conditions + "]}}";
  }
  void AddBroken(const std::string& name, const std::string& reason) {
    Add("own pods",
        "{kind: Pod, metadata: {name: " + name +
            "}, spec: {nodeName: n1, containers: [{name: m, image: i}]}, status: "
            "{phase: Pending, containerStatuses: [{name: m, state: {waiting: {reason: " +
            reason + "}}}]}}");
  }
};

TEST_F(WhyWorkloadTest, OneThatHasAllItsPodsIsFine) {
  None("own pods");
  EXPECT_EQ(Why(DeploymentOf(3, 3)),
            "deployment/web has all of its 3 pods ready; nothing is wrong.\n"
            "  3 wanted, 3 ready  [spec.replicas]\n");
  EXPECT_TRUE(explanation_.healthy());
}

TEST_F(WhyWorkloadTest, OnATerminalTheSentenceHasTheColourOfItsWeight) {
  Why("{kind: CronJob, metadata: {name: c}, spec: {schedule: '0 0 30 2 *'}}");
  explanation_.findings[0].sentence += "\x1b[2J";
  EXPECT_THAT(TextFor(explanation_, Colours(true)),
              StartsWith("\x1b[1;31mcronjob/c starts no jobs: its schedule 0 0 30 2 * is of no day "
                         "of the next five years\\x1b[2J.\x1b[0m\n"
                         "  0 0 30 2 *  \x1b[2m[spec.schedule]\x1b[0m\n"))
      << "and nobody else's";
}

TEST_F(WhyWorkloadTest, ScaledToNothing) {
  None("own pods");
  EXPECT_THAT(Why(DeploymentOf(0, 0)),
              StartsWith("deployment/web has no pods, as it is scaled to 0.\n"));
}

TEST_F(WhyWorkloadTest, OneThatWasPausedBeforeItMadeAnything) {
  None("own pods");
  None("replicasets");
  const std::string paused =
      "{kind: Deployment, metadata: {name: web, uid: d1, generation: 1}, spec: {replicas: 2, "
      "paused: true}, status: {observedGeneration: 1}}";
  const std::string text = Why(paused);
  EXPECT_THAT(text,
              StartsWith("deployment/web is paused, and makes no pods until it is resumed.\n"));
  EXPECT_THAT(text, HasSubstr("try: skiff rollout resume deployment/web -n default\n"));
  EXPECT_THAT(text, testing::Not(HasSubstr("on their way")));
  EXPECT_EQ(first().weight, Weight::kWaits);
  Add("replicasets",
      "{kind: ReplicaSet, metadata: {name: web-1, ownerReferences: [{uid: d1, controller: "
      "true}]}}");
  EXPECT_THAT(Why(paused), HasSubstr("more are on their way")) << "what it had made is kept";
}

TEST_F(WhyWorkloadTest, AQuotaThatRefusesItsPods) {
  None("own pods");
  Add("replicasets",
      "{kind: ReplicaSet, metadata: {name: web-1, ownerReferences: [{uid: d1, controller: true}]}, "
      "status: {conditions: [{type: ReplicaFailure, status: 'True', message: 'pods \"web-1-x\" is "
      "forbidden: exceeded quota: small, requested: pods=1'}]}}");
  const std::string text = Why(DeploymentOf(2, 0));
  EXPECT_THAT(text,
              StartsWith("deployment/web cannot make its pods: what refuses them is resource quota "
                         "small.\n"));
  EXPECT_THAT(text, HasSubstr("try: skiff describe resourcequota small -n default\n"));
  EXPECT_THAT(text, HasSubstr("exceeded quota: small, requested: pods=1  [replicaset/web-1, "
                              "condition ReplicaFailure]"));
  EXPECT_EQ(first().cause, "Refused");
}

TEST_F(WhyWorkloadTest, AQuotaThatWantsToBeToldHowMuch) {
  None("own pods");
  const auto refused = [&](const std::string& lacks) {
    Why(DeploymentOf(2, 0,
                     "{type: ReplicaFailure, status: 'True', message: 'pods \"x\" is "
                     "forbidden: failed quota: small: must specify " +
                         lacks + "'}"));
    return first().commands;
  };
  const std::string describes = "skiff describe resourcequota small -n default";
  EXPECT_THAT(
      refused("requests.cpu for: c"),
      testing::ElementsAre("skiff set resources deployment/web --requests=cpu=AMOUNT -n default",
                           describes));
  EXPECT_THAT(
      refused("limits.memory for: c; requests.memory for: c"),
      testing::ElementsAre("skiff set resources deployment/web --limits=memory=AMOUNT -n default",
                           describes));
  EXPECT_THAT(refused("requests.nvidia.com/gpu for: c"), testing::ElementsAre(describes));
}

TEST_F(WhyWorkloadTest, AWebhookThatRefusesItsPodsOrCannotBeAsked) {
  const auto refused = [&](const std::string& message) {
    return Why(
        DeploymentOf(2, 0, "{type: ReplicaFailure, status: 'True', message: '" + message + "'}"));
  };
  None("own pods");
  EXPECT_THAT(refused("Internal error occurred: failed calling webhook \"a.example.com\": failed "
                      "to call webhook: Post \"https://x.y.svc:443/\": service \"x\" not found"),
              StartsWith("deployment/web cannot make its pods: what refuses them is webhook "
                         "a.example.com, which cannot be asked.\n"));
  EXPECT_THAT(explanation_.findings.at(0).commands,
              testing::ElementsAre(
                  "skiff get validatingwebhookconfigurations,mutatingwebhookconfigurations"));
  EXPECT_THAT(refused("admission webhook \"a.example.com\" denied the request: no"),
              StartsWith("deployment/web cannot make its pods: what refuses them is admission "
                         "webhook a.example.com.\n"));
  EXPECT_THAT(refused("admission webhook denied the request: no"),
              StartsWith("deployment/web cannot make its pods: what refuses them is an admission "
                         "webhook.\n"));
}

TEST_F(WhyWorkloadTest, ARefusalThatIsOverIsNotTold) {
  None("own pods");
  const std::string job =
      "{kind: Job, metadata: {name: j}, spec: {parallelism: 1}, status: {active: 1}}";
  AddEvent("Job/j", "FailedCreate", "Error creating: admission webhook \"w\" denied the request");
  EXPECT_THAT(Why(job), StartsWith("job/j cannot make its pods: what refuses them is admission "
                                   "webhook w.\n"));
  AddEvent("Job/j", "SuccessfulCreate", "Created pod: j-x");
  facts_.lists["events"].back()["lastTimestamp"] = "2026-01-02T02:59:30Z";
  EXPECT_THAT(Why(job), StartsWith("job/j is at work; nothing is wrong.\n"));
}

TEST_F(WhyWorkloadTest, ItsPodsAreLookedAtOneOfEachKind) {
  AddBroken("a", "InvalidImageName");
  AddBroken("b", "CreateContainerConfigError");
  AddBroken("c", "InvalidImageName");
  const std::string text = Why(DeploymentOf(3, 0));
  EXPECT_THAT(text,
              StartsWith("pod/a: container m has no image i: that is no name of an image.\n"));
  EXPECT_THAT(text, HasSubstr("  2 pods suffer alike (InvalidImageName): a, c  [pods]\n"));
  EXPECT_THAT(text,
              HasSubstr("\npod/b: container m cannot be made: CreateContainerConfigError.\n"));
  EXPECT_EQ(explanation_.findings.size(), 2U);
}

TEST_F(WhyWorkloadTest, NoControllerHasSeenIt) {
  None("own pods");
  EXPECT_THAT(Why("{kind: Deployment, metadata: {name: web, generation: 1}, spec: {replicas: 1}}"),
              StartsWith("deployment/web was changed, and no controller has taken it up: does the "
                         "controller manager run?\n"));
  EXPECT_THAT(Why("{kind: Deployment, metadata: {name: web, generation: 1, creationTimestamp: "
                  "'2026-01-02T02:59:58Z'}, spec: {replicas: 1}}"),
              StartsWith("deployment/web was changed, and no controller has taken it up yet.\n"));
  EXPECT_TRUE(first().commands.empty());
}

TEST_F(WhyWorkloadTest, AJobThatHasFailed) {
  None("own pods");
  EXPECT_THAT(Why("{kind: Job, metadata: {name: j}, spec: {backoffLimit: 2}, status: {failed: 3, "
                  "conditions: [{type: Failed, status: 'True', reason: BackoffLimitExceeded, "
                  "message: Job has reached the specified backoff limit}]}}"),
              StartsWith("job/j has failed: Job has reached the specified backoff limit.\n"));
  EXPECT_EQ(first().cause, "BackoffLimitExceeded");
}

TEST_F(WhyWorkloadTest, ADaemonThatSuitsNoNode) {
  None("own pods");
  const std::string text =
      Why("{kind: DaemonSet, metadata: {name: d}, spec: {template: {spec: {nodeSelector: {gpu: "
          "yes please}}}}, status: {desiredNumberScheduled: 0}}");
  EXPECT_THAT(text, StartsWith("daemonset/d has no pods, as no node suits it.\n"));
  EXPECT_FALSE(explanation_.healthy());
}

TEST_F(WhyWorkloadTest, ACronJobThatIsSuspended) {
  EXPECT_THAT(Why("{kind: CronJob, metadata: {name: c}, spec: {schedule: '* * * * *', suspend: "
                  "true}}"),
              StartsWith("cronjob/c is suspended, and starts no jobs.\n"));
}

TEST_F(WhyWorkloadTest, ACronJobOfADayThatNeverComes) {
  EXPECT_EQ(Why("{kind: CronJob, metadata: {name: c}, spec: {schedule: '0 0 30 2 *'}}"),
            "cronjob/c starts no jobs: its schedule 0 0 30 2 * is of no day of the next five "
            "years.\n"
            "  0 0 30 2 *  [spec.schedule]\n"
            "  try: skiff edit cronjob/c -n default\n");
  EXPECT_FALSE(explanation_.healthy());
  Why("{kind: CronJob, metadata: {name: c}, spec: {schedule: '0 0 29 2 *'}}");
  EXPECT_TRUE(explanation_.healthy());
  Why("{kind: CronJob, metadata: {name: c}, spec: {schedule: '@every 9000h'}}");
  EXPECT_TRUE(explanation_.healthy());
}

TEST_F(WhyWorkloadTest, ACronJobThatWaitsForItsJob) {
  AddEvent("CronJob/c", "JobAlreadyActive", "Not starting job because prior execution is running");
  const std::string cron =
      "{kind: CronJob, metadata: {name: c}, spec: {schedule: '* * * * *', concurrencyPolicy: "
      "Forbid}, status: {active: [";
  EXPECT_THAT(Why(cron + "{name: c-1}]}}"),
              StartsWith("cronjob/c starts no job until job/c-1 is over, as it allows one at a "
                         "time.\n"));
  EXPECT_FALSE(explanation_.healthy());
  // It is over.
  Why(cron + "]}}");
  EXPECT_TRUE(explanation_.healthy());
  // That was another one, before.
  Add("jobs", "{kind: Job, metadata: {name: c-1, creationTimestamp: '2026-01-02T02:59:30Z'}}");
  Why(cron + "{name: c-1}]}}");
  EXPECT_TRUE(explanation_.healthy());
}

TEST_F(WhyWorkloadTest, ACronJobThatAllowsManyWaitsForNone) {
  AddEvent("CronJob/c", "JobAlreadyActive", "Not starting job because prior execution is running");
  for (const char* policy : {"Allow", "Replace"}) {
    EXPECT_THAT(Why("{kind: CronJob, metadata: {name: c}, spec: {schedule: '* * * * *', "
                    "concurrencyPolicy: " +
                    std::string(policy) + "}, status: {active: [{name: c-1}]}}"),
                StartsWith("cronjob/c starts jobs by its schedule * * * * *"));
    EXPECT_TRUE(explanation_.healthy()) << policy;
  }
}

TEST_F(WhyWorkloadTest, ACronJobNamesTheJobThatIsNotOver) {
  const std::string cron =
      "{kind: CronJob, metadata: {name: c, uid: c1}, spec: {schedule: '* * * * *'}}";
  Add("jobs", "{kind: Job, metadata: {name: c-1, ownerReferences: [{uid: c1, controller: true}]}}");
  EXPECT_THAT(Why(cron), HasSubstr("job/c-1 is not over  [jobs]\n  try: skiff why job/c-1 -n "
                                   "default\n"));
  EXPECT_TRUE(explanation_.healthy());
  facts_.lists["jobs"][0]["status"] = Parsed("{conditions: [{type: Complete, status: 'True'}]}");
  EXPECT_THAT(Why(cron), testing::Not(HasSubstr("c-1")));
}

TEST_F(WhyWorkloadTest, ALimitRangeThatRefusesItsPods) {
  None("own pods");
  EXPECT_THAT(Why(DeploymentOf(2, 0,
                               "{type: ReplicaFailure, status: 'True', message: 'pods \"x\" "
                               "is forbidden: maximum cpu usage per Container is 1, but "
                               "limit is 2'}")),
              HasSubstr("what refuses them is a limit range.\n"));
  EXPECT_THAT(first().commands, testing::ElementsAre("skiff describe limitranges -n default"));
}

TEST_F(WhyWorkloadTest, AnAccountThatThereIsNotIsNamed) {
  None("own pods");
  const auto refused = [](const std::string& message) {
    return DeploymentOf(2, 0, "{type: ReplicaFailure, status: 'True', message: '" + message + "'}");
  };
  EXPECT_THAT(Why(refused("pods \"web-\" is forbidden: error looking up service account "
                          "default/ghost: serviceaccount \"ghost\" not found")),
              StartsWith("deployment/web cannot make its pods: there is no service account "
                         "ghost.\n"));
  EXPECT_THAT(Why(refused("pods \"web-\" is forbidden: unable to create new content in namespace "
                          "shop because it is being terminated")),
              StartsWith("deployment/web cannot make its pods: the namespace is being deleted.\n"));
}

TEST_F(WhyWorkloadTest, ACronJobSaysWhenItsLastWas) {
  EXPECT_THAT(Why("{kind: CronJob, metadata: {name: c}, spec: {schedule: '* * * * *'}}"),
              StartsWith("cronjob/c starts jobs by its schedule * * * * *; there was none yet.\n"));
  EXPECT_THAT(Why("{kind: CronJob, metadata: {name: c}, spec: {schedule: '* * * * *'}, status: "
                  "{lastScheduleTime: '2026-01-02T02:59:00Z'}}"),
              StartsWith("cronjob/c starts jobs by its schedule * * * * *; its last was 60s "
                         "ago.\n"));
}

TEST_F(WhyWorkloadTest, AServiceAccountThatIsNotThereIsMadeWhateverThePodsAreCalled) {
  for (const char* name : {"web", "quota", "webhook"}) {
    Why(DeploymentOf(2, 0,
                     "{type: ReplicaFailure, status: 'True', message: 'pods \"" +
                         std::string(name) +
                         "-6cf8\" is forbidden: error looking up service account odd/mine: "
                         "serviceaccount \"mine\" not found'}"));
    EXPECT_EQ(first().sentence,
              "deployment/web cannot make its pods: there is no service account mine");
    EXPECT_THAT(first().commands,
                testing::ElementsAre("skiff create serviceaccount mine -n default"));
  }
}

}  // namespace
}  // namespace skiff::cli::why
