#include "skiff/status_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "api/codec/decode.h"

namespace skiff {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

const TimePoint kNow = Time::Parse("2026-01-01T01:00:00Z")->point();

template <typename K>
K Made(Json object, const char* at = "2026-01-01T00:00:00Z") {
  object["metadata"]["creationTimestamp"] = at;
  return *FromJson<K>(object);
}

core_v1::Node NodeOf(const std::string& name, const std::string& ready) {
  return Made<core_v1::Node>(
      {{"metadata", {{"name", name}}},
       {"status", {{"conditions", {{{"type", "Ready"}, {"status", ready}}}}}}});
}

Json PodOf(const std::string& name, const std::string& node) {
  return {{"metadata", {{"name", name}, {"namespace", "default"}}},
          {"spec", {{"nodeName", node}, {"containers", Json::array()}}},
          {"status",
           {{"phase", "Running"}, {"conditions", {{{"type", "Ready"}, {"status", "True"}}}}}}};
}

TEST(ClusterStatusTest, SaysWhatRunsWhereAndThatNothingIsWrong) {
  ClusterStatus status(kNow);
  status.Add(NodeOf("one", "True"));
  status.Add(NodeOf("two", "True"));
  status.Add(Made<core_v1::Pod>(PodOf("a", "one")));
  status.Add(Made<core_v1::Pod>(PodOf("b", "one")));
  Json done = PodOf("job", "two");
  done["status"] = {{"phase", "Succeeded"}};
  status.Add(Made<core_v1::Pod>(done));
  status.AddHealth("[+]ping ok\n[+]etcd ok\nreadyz check passed\n");
  EXPECT_EQ(status.Text(), R"(
NODE   STATUS   PODS   AGE
one    Ready    2      60m
two    Ready    0      60m

Pods    2 Running, 1 Succeeded
Claims  none

Nothing is wrong.
)");
}

TEST(ClusterStatusTest, SaysWhatIsWrongAndWhatToType) {
  ClusterStatus status(kNow);
  Json cordoned = {{"metadata", {{"name", "one"}}},
                   {"spec", {{"unschedulable", true}}},
                   {"status",
                    {{"conditions",
                      {{{"type", "Ready"}, {"status", "Unknown"}},
                       {{"type", "DiskPressure"}, {"status", "True"}}}}}}};
  status.Add(Made<core_v1::Node>(cordoned));
  for (const char* name : {"a", "b", "c", "d", "e"}) {
    Json pod = PodOf(name, "one");
    pod["status"] = {{"phase", "Failed"}, {"reason", "Evicted"}};
    status.Add(Made<core_v1::Pod>(pod));
  }
  // On its way.
  Json young = PodOf("young", "");
  young["status"] = {{"phase", "Pending"}};
  status.Add(Made<core_v1::Pod>(young, "2026-01-01T00:59:45Z"));
  status.Add(Made<core_v1::PersistentVolumeClaim>(
      {{"metadata", {{"name", "data"}, {"namespace", "db"}}}, {"status", {{"phase", "Pending"}}}}));
  status.AddHealth("[+]ping ok\n[-]etcd failed\nreadyz check failed\n");
  EXPECT_EQ(status.Text(), R"(
NODE   STATUS                        PODS   AGE
one    NotReady,SchedulingDisabled   0      60m

Pods    5 Failed, 1 Pending
Claims  1 Pending

What is wrong, and what says more of it:
  the server's check etcd failed                               skiff get --raw '/readyz?verbose'
  1 claim Pending: db/data                                     skiff why pvc data -n db
  1 node DiskPressure: one                                     skiff describe node one
  1 node NotReady: one                                         skiff describe node one
  5 pods Evicted: default/a, default/b, default/c and 2 more   skiff why pod a -n default
)");
}

TEST(ClusterStatusTest, OfAFailedCheckItSaysWhyWhereThatIsLearnt) {
  const std::string lines = "[+]ping ok\n[-]etcd-readiness failed: reason withheld\n";
  ClusterStatus status(kNow);
  std::string asked;
  status.AddHealth(lines, [&](const std::string& check) {
    asked += check;
    return "the store is read-only";
  });
  EXPECT_EQ(asked, "etcd-readiness");
  EXPECT_EQ(status.Document()["problems"][0]["what"],
            "the server's check etcd-readiness failed: the store is read-only");
  ClusterStatus unknown(kNow);
  unknown.AddHealth(lines, [](const std::string&) { return ""; });
  EXPECT_EQ(unknown.Document()["problems"][0]["what"], "the server's check etcd-readiness failed");
}

TEST(ClusterStatusTest, ProgramsGetTheSameAsADocument) {
  ClusterStatus status(kNow);
  status.Add(NodeOf("one", "True"));
  status.Add(Made<core_v1::Pod>(PodOf("a", "one")));
  status.Add(Made<core_v1::PersistentVolumeClaim>(
      {{"metadata", {{"name", "data"}, {"namespace", "db"}}}, {"status", {{"phase", "Lost"}}}}));
  const Json document = status.Document();
  EXPECT_EQ(document["nodes"], Json::array({{{"name", "one"},
                                             {"status", "Ready"},
                                             {"pods", 1},
                                             {"since", "2026-01-01T00:00:00Z"}}}));
  EXPECT_EQ(document["pods"], Json({{"Running", 1}}));
  EXPECT_EQ(document["claims"], Json({{"Lost", 1}}));
  EXPECT_EQ(
      document["problems"],
      Json::array({{{"what", "1 claim Lost: db/data"}, {"command", "skiff why pvc data -n db"}}}));
  EXPECT_EQ(ClusterStatus(kNow).Document()["problems"], Json::array());
}

TEST(ClusterStatusTest, WhatToTypeStandsBelowWhatIsTooWideForATerminal) {
  ClusterStatus status(kNow);
  const std::string name = "a-claim-whose-name-is-as-long-as-some-names-of-charts-are-0123456789";
  for (const std::string& each : {name, std::string("data")}) {
    status.Add(Made<core_v1::PersistentVolumeClaim>(
        {{"metadata", {{"name", each}, {"namespace", "db"}}}, {"status", {{"phase", "Lost"}}}}));
  }
  status.AddHealth("[-]etcd failed\n");
  EXPECT_THAT(status.Text(),
              EndsWith("\n  the server's check etcd failed\n"
                       "      skiff get --raw '/readyz?verbose'\n"
                       "  2 claims Lost: db/" +
                       name + ", db/data\n      skiff why pvc " + name + " -n db\n"));
}

TEST(ClusterStatusTest, WhatIsShownAndOfferedRunsNothing) {
  ClusterStatus status(kNow);
  status.Add(
      Made<core_v1::PersistentVolumeClaim>({{"metadata", {{"name", "x$(id)"}, {"namespace", "db"}}},
                                            {"status", {{"phase", "Pending\x1b[2J"}}}}));
  EXPECT_THAT(status.Text(), EndsWith(R"(Claims  1 Pending\x1b[2J

What is wrong, and what says more of it:
  1 claim Pending\x1b[2J: db/x$(id)   skiff why pvc 'x$(id)' -n db
)"));
}

TEST(ClusterStatusTest, WhatHasOnlyBegunIsNotWrongYetAndItSaysSo) {
  ClusterStatus status(kNow);
  Json young = PodOf("young", "");
  young["status"] = {{"phase", "Pending"}};
  status.Add(Made<core_v1::Pod>(young, "2026-01-01T00:59:45Z"));
  EXPECT_TRUE(status.is_well());
  EXPECT_THAT(status.Text(), EndsWith(R"(Pods    1 Pending
Claims  none

Nothing is wrong so far: what is Pending is younger than 30s.
)"));
}

TEST(ClusterStatusTest, WhatWasReadyAMomentAgoIsNotWrongYet) {
  const auto not_ready = [](const char* name, const char* since, const char* waits = "") {
    Json pod = PodOf(name, "one");
    pod["status"]["conditions"] = {
        {{"type", "Ready"}, {"status", "False"}, {"lastTransitionTime", since}}};
    if (*waits) {
      pod["status"]["containerStatuses"] = {
          {{"name", "c"}, {"state", {{"waiting", {{"reason", waits}}}}}}};
    }
    return Made<core_v1::Pod>(pod);
  };
  ClusterStatus status(kNow);
  status.Add(not_ready("a", "2026-01-01T00:59:45Z"));
  Json leaving = PodOf("b", "one");
  leaving["metadata"]["deletionTimestamp"] = "2026-01-01T01:00:05Z";
  status.Add(Made<core_v1::Pod>(leaving));
  EXPECT_THAT(status.Text(),
              EndsWith("\nNothing is wrong so far: what is not ready has been so for "
                       "less than 30s.\n"));
  status.Add(not_ready("c", "2026-01-01T00:59:15Z"));
  // Between two tries it may have been ready.
  status.Add(not_ready("d", "2026-01-01T00:59:45Z", "CrashLoopBackOff"));
  EXPECT_THAT(status.Text(), HasSubstr("1 pod CrashLoopBackOff: default/d "));
  EXPECT_THAT(status.Text(), HasSubstr("1 pod NotReady: default/c "));
  // What was so when the cluster was started.
  ClusterStatus begun(kNow, kNow - 20s);
  begun.Add(not_ready("c", "2026-01-01T00:10:00Z"));
  begun.Add(NodeOf("one", "Unknown"));
  EXPECT_TRUE(begun.is_well()) << begun.Text();
}

TEST(ClusterStatusTest, WhatIsWrongFitsTheTerminal) {
  ClusterStatus status(kNow);
  status.AddHealth("[-]etcd failed\n");
  EXPECT_THAT(status.Text(cli::Colours(), 70),
              EndsWith("  the server's check etcd failed   skiff get --raw "
                       "'/readyz?verbose'\n"));
  EXPECT_THAT(status.Text(cli::Colours(), 60),
              EndsWith("  the server's check etcd failed\n"
                       "      skiff get --raw '/readyz?verbose'\n"));
}

TEST(ClusterStatusTest, WhatHasFailedIsWrongHoweverYoung) {
  ClusterStatus status(kNow);
  Json failed = PodOf("a", "one");
  failed["status"] = {{"phase", "Failed"}};
  status.Add(Made<core_v1::Pod>(failed, "2026-01-01T00:59:45Z"));
  status.Add(Made<core_v1::PersistentVolumeClaim>(
      {{"metadata", {{"name", "data"}, {"namespace", "db"}}}, {"status", {{"phase", "Lost"}}}},
      "2026-01-01T00:59:45Z"));
  EXPECT_THAT(status.Text(), HasSubstr("1 pod Failed: default/a"));
  EXPECT_THAT(status.Text(), HasSubstr("1 claim Lost: db/data"));
}

core_v1::Event EventOf(const std::string& uid, const std::string& reason,
                       const std::string& message) {
  return Made<core_v1::Event>({{"metadata", {{"name", reason + uid}, {"namespace", "default"}}},
                               {"involvedObject", {{"kind", "Ingress"}, {"uid", uid}}},
                               {"reason", reason},
                               {"message", message},
                               {"type", "Warning"}});
}

networking_v1::Ingress IngressOf(const std::string& name, std::vector<int> ports) {
  Json object = {{"metadata", {{"name", name}, {"namespace", "default"}, {"uid", name + "-uid"}}}};
  for (const int port : ports) {
    object["status"]["loadBalancer"]["ingress"][0]["ip"] = "192.0.2.1";
    object["status"]["loadBalancer"]["ingress"][0]["ports"].push_back(
        {{"port", port}, {"protocol", "TCP"}});
  }
  return Made<networking_v1::Ingress>(object);
}

TEST(ClusterStatusTest, LeadsToIngressesThatAreNotServedOrNotOnEveryPort) {
  ClusterStatus status(kNow);
  status.Add(EventOf("a-uid", "NotServed", "no\nHAProxy"));
  status.Add(EventOf("b-uid", "NotServed", "no\nHAProxy"));
  status.Add(EventOf("c-uid", "PortTaken", "port 443 is taken"));
  // These are over.
  status.Add(EventOf("d-uid", "PortTaken", "port 443 is taken"));
  status.Add(EventOf("e-uid", "NotServed", "HAProxy does not start"));
  status.Add(EventOf("gone-uid", "NotServed", "HAProxy does not start"));
  status.Add(IngressOf("a", {}));
  status.Add(IngressOf("b", {}));
  status.Add(IngressOf("c", {80}));
  status.Add(IngressOf("d", {80, 443}));
  status.Add(IngressOf("e", {80, 443}));
  status.Add(IngressOf("f", {}));
  EXPECT_THAT(status.Text(), EndsWith(R"(What is wrong, and what says more of it:
  2 ingresses not served (no HAProxy): default/a, default/b           skiff why ingress a -n default
  1 ingress not served on every port (port 443 is taken): default/c   skiff why ingress c -n default
)"));
}

TEST(ClusterStatusTest, OfManyNodesItSaysHowMany) {
  ClusterStatus status(kNow);
  for (int i = 0; i < 40; ++i) {
    status.Add(NodeOf("node-" + std::to_string(i), i == 7 ? "False" : "True"));
  }
  EXPECT_EQ(status.Text(), R"(
Nodes   1 NotReady, 39 Ready
Pods    none
Claims  none

What is wrong, and what says more of it:
  1 node NotReady: node-7   skiff describe node node-7
)");
}

TEST(StartingTextTest, SaysWhyNobodyAnswersAndThatAStartTakesTooLong) {
  EXPECT_EQ(StartingText(false, "connection refused"), "It is starting (connection refused).");
  EXPECT_EQ(StartingText(true, "connection refused"),
            "It is not usable after two minutes: connection refused\nThe log may say why; `skiff "
            "down --keep-data` ends it.");
}

TEST(BytesTextTest, HasAFigureThatPeopleRead) {
  EXPECT_EQ(BytesText(999), "999 B");
  EXPECT_EQ(BytesText(1'500), "1.5 kB");
  EXPECT_EQ(BytesText(46'300'000), "46 MB");
  EXPECT_EQ(BytesText(2'100'000'000), "2.1 GB");
}

}  // namespace
}  // namespace skiff
