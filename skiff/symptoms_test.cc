#include "skiff/symptoms.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "api/codec/decode.h"
#include "skiff/status_text.h"

namespace skiff {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

constexpr char kLongAgo[] = "2026-01-01T00:00:00Z";
constexpr char kJustNow[] = "2026-01-01T00:59:45Z";
const TimePoint kNow = Time::Parse("2026-01-01T01:00:00Z")->point();

// In namespace "q", where the kind is in one, and as old as `at`.
template <typename K>
K Made(const std::string& name, Json object, const char* at = kLongAgo) {
  Json& meta = object["metadata"];
  meta["name"] = name;
  meta["uid"] = name + "-uid";
  meta["creationTimestamp"] = at;
  if (K::Info().namespaced) meta["namespace"] = "q";
  return *FromJson<K>(object);
}

Json Condition(const char* type, const char* status, const char* reason,
               const char* since = kLongAgo, const char* message = "") {
  return {{"type", type},
          {"status", status},
          {"reason", reason},
          {"message", message},
          {"lastTransitionTime", since}};
}

Json With(std::vector<Json> conditions) {
  return {{"status", {{"conditions", std::move(conditions)}}}};
}

template <typename K>
std::string WordFor(Json object, const char* at = kLongAgo) {
  return SymptomOf(Made<K>("it", std::move(object), at), kNow);
}

constexpr char kQuota[] =
    R"(pods "web-x" is forbidden: exceeded quota: small, requested: pods=1, used: pods=0, limited: pods=0)";

constexpr char kNoAccount[] =
    R"(pods "web-" is forbidden: error looking up service account q/ghost: serviceaccount "ghost" not found)";

TEST(SymptomsTest, OfWhatMakesPods) {
  using apps_v1::Deployment;
  const Json refused = Condition("ReplicaFailure", "True", "FailedCreate", kJustNow, kQuota);
  EXPECT_EQ(WordFor<Deployment>(With({refused})), "refused by resource quota small");
  EXPECT_EQ(WordFor<core_v1::ReplicationController>(With({refused})),
            "refused by resource quota small");
  EXPECT_EQ(WordFor<apps_v1::ReplicaSet>(With({refused})), "refused by resource quota small");
  const Json unknown = Condition("ReplicaFailure", "True", "FailedCreate", kJustNow, kNoAccount);
  EXPECT_EQ(WordFor<Deployment>(With({unknown})), "refused, as there is no service account ghost");
  // The Deployment tells.
  Json owned = With({refused});
  owned["metadata"]["ownerReferences"] = {
      {{"kind", "Deployment"}, {"name", "web"}, {"uid", "u"}, {"controller", true}}};
  EXPECT_EQ(WordFor<apps_v1::ReplicaSet>(owned), "");
  EXPECT_EQ(
      WordFor<Deployment>(With({Condition("Progressing", "False", "ProgressDeadlineExceeded")})),
      "ProgressDeadlineExceeded");
  EXPECT_EQ(WordFor<Deployment>(With({Condition("Progressing", "Unknown", "DeploymentPaused"),
                                      Condition("ReplicaFailure", "False", "")})),
            "");
  const Json unseen = {{"metadata", {{"generation", 1}}}};
  EXPECT_EQ(WordFor<Deployment>(unseen), "seen by no controller");
  EXPECT_EQ(WordFor<Deployment>(unseen, kJustNow), "");
}

TEST(SymptomsTest, OfJobsAndCronJobs) {
  using batch_v1::CronJob;
  using batch_v1::Job;
  EXPECT_EQ(WordFor<Job>(With({Condition("Failed", "True", "BackoffLimitExceeded")})),
            "BackoffLimitExceeded");
  EXPECT_EQ(WordFor<Job>({{"status", {{"failed", 2}}}}), "whose pods fail");
  EXPECT_EQ(WordFor<Job>({{"status", {{"failed", 2}, {"ready", 1}}}}), "");
  EXPECT_EQ(WordFor<Job>({{"spec", {{"suspend", true}}}, {"status", {{"failed", 2}}}}), "");
  Json complete = With({Condition("Complete", "True", "CompletionsReached")});
  complete["status"]["failed"] = 2;
  EXPECT_EQ(WordFor<Job>(complete), "");

  Json cron = {{"spec", {{"schedule", "*/5 * * * *"}}},
               {"status", {{"lastScheduleTime", "2026-01-01T00:50:00Z"}}}};
  EXPECT_EQ(WordFor<CronJob>(cron), "not run when due");
  Json late = cron;
  late["status"]["lastScheduleTime"] = "2026-01-01T00:55:00Z";
  EXPECT_EQ(WordFor<CronJob>(late), "") << "what is due now may start yet";
  Json off = cron;
  off["spec"]["suspend"] = true;
  EXPECT_EQ(WordFor<CronJob>(off), "");
  Json waits = cron;
  waits["spec"]["concurrencyPolicy"] = "Forbid";
  EXPECT_EQ(WordFor<CronJob>(waits), "not run when due");
  waits["status"]["active"] = {{{"name", "it-1"}}};
  EXPECT_EQ(WordFor<CronJob>(waits), "");
  cron["spec"]["timeZone"] = "Mars/Olympus";
  EXPECT_EQ(WordFor<CronJob>(cron), "in a time zone that is not known");
  EXPECT_EQ(WordFor<CronJob>({{"spec", {{"schedule", "0 0 31 2 *"}}}}),
            "of a day that never comes");
  EXPECT_EQ(WordFor<CronJob>({{"spec", {{"schedule", "@every 1000h"}}}}), "");
}

TEST(SymptomsTest, OfNamespacesVolumesAndServices) {
  const auto deleted = [](const char* at) {
    return Json{{"metadata", {{"deletionTimestamp", at}}}};
  };
  EXPECT_EQ(WordFor<core_v1::Namespace>(deleted(kLongAgo)), "Terminating");
  EXPECT_EQ(WordFor<core_v1::Namespace>(deleted(kJustNow)), "");
  EXPECT_EQ(WordFor<core_v1::Namespace>(Json::object()), "");
  EXPECT_EQ(WordFor<core_v1::PersistentVolume>({{"status", {{"phase", "Failed"}}}}), "Failed");
  EXPECT_EQ(WordFor<core_v1::PersistentVolume>({{"status", {{"phase", "Released"}}}}), "");
  Json balanced = {{"spec", {{"type", "LoadBalancer"}}}};
  EXPECT_EQ(WordFor<core_v1::Service>(balanced), "without address");
  EXPECT_EQ(WordFor<core_v1::Service>(balanced, kJustNow), "");
  balanced["status"]["loadBalancer"]["ingress"] = {{{"ip", "192.0.2.1"}}};
  EXPECT_EQ(WordFor<core_v1::Service>(balanced), "");
}

TEST(SymptomsTest, OfConditionsThatLast) {
  using autoscaling_v2::HorizontalPodAutoscaler;
  const auto inactive = [](const char* reason, const char* since) {
    return With({Condition("AbleToScale", "True", "SucceededGetScale"),
                 Condition("ScalingActive", "False", reason, since)});
  };
  EXPECT_EQ(WordFor<HorizontalPodAutoscaler>(inactive("FailedGetResourceMetric", kLongAgo)),
            "FailedGetResourceMetric");
  EXPECT_EQ(WordFor<HorizontalPodAutoscaler>(inactive("FailedGetResourceMetric", kJustNow)), "");
  EXPECT_EQ(WordFor<HorizontalPodAutoscaler>(inactive("ScalingDisabled", kLongAgo)), "");
  EXPECT_EQ(WordFor<apiregistration_v1::APIService>(
                With({Condition("Available", "False", "MissingEndpoints")})),
            "MissingEndpoints");
  EXPECT_EQ(
      WordFor<apiregistration_v1::APIService>(With({Condition("Available", "True", "Passed")})),
      "");
  using apiextensions_v1::CustomResourceDefinition;
  EXPECT_EQ(
      WordFor<CustomResourceDefinition>(With({Condition("NamesAccepted", "False", "KindConflict"),
                                              Condition("Established", "False", "NotAccepted")})),
      "KindConflict");
  EXPECT_EQ(WordFor<CustomResourceDefinition>(
                With({Condition("NonStructuralSchema", "True", "Violations")})),
            "NonStructuralSchema");
}

TEST(SymptomsTest, OfRequestsForCertificates) {
  using certificates_v1::CertificateSigningRequest;
  EXPECT_EQ(WordFor<CertificateSigningRequest>(Json::object()), "Pending");
  EXPECT_EQ(WordFor<CertificateSigningRequest>(Json::object(), kJustNow), "");
  EXPECT_EQ(WordFor<CertificateSigningRequest>(With({Condition("Denied", "True", "No")})), "");
  EXPECT_EQ(WordFor<CertificateSigningRequest>(With({Condition("Failed", "True", "No")})),
            "Failed");
  Json approved = With({Condition("Approved", "True", "Yes")});
  EXPECT_EQ(WordFor<CertificateSigningRequest>(approved), "approved and not signed");
  approved["status"]["certificate"] = "eA==";
  EXPECT_EQ(WordFor<CertificateSigningRequest>(approved), "");
}

core_v1::Event Refusal(const std::string& uid, const char* kind) {
  return Made<core_v1::Event>("refused-" + uid, {{"involvedObject", {{"kind", kind}, {"uid", uid}}},
                                                 {"reason", "FailedCreate"},
                                                 {"message", kQuota},
                                                 {"type", "Warning"}});
}

TEST(ClusterStatusSymptomsTest, AnEventTellsOfWhatHasNoConditionForIt) {
  ClusterStatus status(kNow);
  for (const char* uid : {"db-uid", "full-uid", "over-uid"}) {
    status.Add(Refusal(uid, "StatefulSet"));
  }
  status.Add(Refusal("agent-uid", "DaemonSet"));
  status.Add(Refusal("once-uid", "Job"));
  status.Add(Made<apps_v1::StatefulSet>("db", {{"spec", {{"replicas", 2}}}}));
  // It has its pods by now.
  status.Add(Made<apps_v1::StatefulSet>(
      "full", {{"spec", {{"replicas", 2}}}, {"status", {{"replicas", 2}}}}));
  status.Add(Made<apps_v1::StatefulSet>("untold", {{"spec", {{"replicas", 2}}}}));
  status.Add(Made<apps_v1::DaemonSet>(
      "agent", {{"status", {{"desiredNumberScheduled", 3}, {"currentNumberScheduled", 0}}}}));
  status.Add(Made<batch_v1::Job>("once", Json::object()));
  EXPECT_THAT(status.Text(), EndsWith(R"(What is wrong, and what says more of it:
  1 daemonset refused by resource quota small: q/agent   skiff why daemonset agent -n q
  1 job refused by resource quota small: q/once          skiff why job once -n q
  1 statefulset refused by resource quota small: q/db    skiff why statefulset db -n q
)"));
}

TEST(ClusterStatusSymptomsTest, AJobThatACronJobHasMadeGoodIsNoTrouble) {
  const auto run = [](const std::string& name, const char* owner) {
    Json job = With({Condition("Failed", "True", "BackoffLimitExceeded")});
    job["metadata"]["ownerReferences"] = {
        {{"kind", "CronJob"}, {"name", owner}, {"uid", owner}, {"controller", true}}};
    return Made<batch_v1::Job>(name, job);
  };
  const auto cron = [](const char* name, const char* success) {
    return Made<batch_v1::CronJob>(name, {{"spec", {{"schedule", "@daily"}, {"suspend", true}}},
                                          {"status", {{"lastSuccessfulTime", success}}}});
  };
  ClusterStatus status(kNow);
  status.Add(cron("good", "2026-01-01T00:30:00Z"));
  status.Add(cron("bad", "2025-12-31T00:30:00Z"));
  status.Add(run("good-1", "good-uid"));
  EXPECT_TRUE(status.is_well());
  status.Add(run("bad-1", "bad-uid"));
  EXPECT_THAT(status.Text(), HasSubstr("1 job BackoffLimitExceeded: q/bad-1"));
}

TEST(ClusterStatusSymptomsTest, OfTheFailedPodsOfAJobTheJobTells) {
  ClusterStatus status(kNow);
  Json pod = {{"spec", {{"containers", Json::array()}}}, {"status", {{"phase", "Failed"}}}};
  pod["metadata"]["ownerReferences"] = {
      {{"kind", "Job"}, {"name", "once"}, {"uid", "u"}, {"controller", true}}};
  status.Add(Made<core_v1::Pod>("once-x", pod));
  EXPECT_TRUE(status.is_well());
}

TEST(ClusterStatusSymptomsTest, ABudgetMattersWhereANodeIsEmptied) {
  const auto budget = Made<policy_v1::PodDisruptionBudget>(
      "keep", {{"status", {{"expectedPods", 1}, {"disruptionsAllowed", 0}}}});
  const auto node = [](bool closed) {
    Json object = {{"spec", {{"unschedulable", closed}}}};
    object["status"]["conditions"] = {Condition("Ready", "True", "KubeletReady")};
    return Made<core_v1::Node>("one", object);
  };
  ClusterStatus status(kNow);
  status.Add(node(false));
  status.Add(budget);
  EXPECT_TRUE(status.is_well());
  status.Add(node(true));
  status.Add(budget);
  EXPECT_THAT(status.Text(), HasSubstr("1 poddisruptionbudget allowing no eviction: q/keep   "
                                       "skiff why poddisruptionbudget keep -n q"));
}

TEST(ClusterStatusSymptomsTest, LeadsToWebhooksWhoseServiceDoesNotAnswer) {
  const Json call = {{"service", {{"namespace", "q"}, {"name", "guard"}}}};
  const Json webhooks = {{"webhooks",
                          {{{"name", "a.x.io"}, {"clientConfig", call}},
                           {{"name", "b.x.io"}, {"clientConfig", call}},
                           {{"name", "c.x.io"}, {"clientConfig", {{"url", "https://x"}}}}}}};
  ClusterStatus status(kNow);
  status.Add(Made<admissionregistration_v1::ValidatingWebhookConfiguration>("v", webhooks));
  status.Add(Made<admissionregistration_v1::MutatingWebhookConfiguration>("m", webhooks));
  Json conversion = {{"strategy", "Webhook"}};
  conversion["webhook"]["clientConfig"] = call;
  status.Add(Made<apiextensions_v1::CustomResourceDefinition>(
      "foos.x.io", {{"spec", {{"conversion", conversion}}}}));
  const ObjectKey guard{"q", "guard"};
  EXPECT_EQ(status.CalledServices(), std::vector{guard});
  EXPECT_TRUE(status.is_well());
  status.AddUncallable(guard, "that is not there");
  EXPECT_THAT(
      status.Text(),
      HasSubstr(
          "  1 customresourcedefinition calling service q/guard that is not there: foos.x.io"));
  EXPECT_THAT(status.Text(),
              HasSubstr("  1 mutatingwebhookconfiguration calling service q/guard that is not "
                        "there: m\n      skiff describe mutatingwebhookconfiguration m\n"));
}

}  // namespace
}  // namespace skiff
