// `get --at` and `diff --since`, against a server whose past a test knows.
#include <gmock/gmock.h>

#include "api/values.h"
#include "base/flags.h"
#include "cli/history/past.h"
#include "cli/history/versions.h"
#include "cli/program_fixture.h"

namespace skiff::cli {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// At each tenth revision the Lease n1 was renewed, ten seconds after the last time, and at the
// newest one just now. A ConfigMap `m` changes with each hundredth. At revision 900 `new` came, the
// Secret `s` went and `t` was applied anew.
class HistoryTest : public ProgramTest {
 protected:
  static constexpr uint64_t kNewest = 1000;

  HistoryTest() {
    server_ = [this](const http::Request& request) { return Answer(request); };
    variables_["KUBECTL_EXTERNAL_DIFF"] = "";
  }

  http::Response Answer(const http::Request& request) {
    ++requests_;
    const auto version = request.Query("resourceVersion");
    EXPECT_EQ(version.has_value(), request.Query("resourceVersionMatch") == "Exact");
    EXPECT_FALSE(version && request.Query("limit")) << "pages of the past expire";
    const uint64_t revision = version ? std::stoull(std::string(*version)) : kNewest;
    if (revision < kept_from_) {
      return Of(410, {{"kind", "Status"},
                      {"reason", "Expired"},
                      {"code", 410},
                      {"message", "The provided resource version is too old"}});
    }
    if (leases_are_hidden_ && request.path.ends_with("/leases") &&
        request.path != leases_shown_at_) {
      return Of(403, {{"kind", "Status"}, {"reason", "Forbidden"}, {"code", 403}});
    }
    if (request.path == "/skiff/revisions") return WhatWasNewest(request);
    if (request.path == "/api/v1" && !served_.empty()) return Of(200, served_);
    Json items = Json::array();
    if (request.path.ends_with("/endpoints")) {
      items.push_back({{"metadata", Meta("web", revision)}, {"subsets", revision}});
    } else if (request.path.find("/leases") != std::string::npos) {
      if (revision >= lease_from_) items.push_back(Lease(revision));
      if (!foreign_renewal_.empty()) {
        items.push_back(Lease(1));
        items.back()["metadata"]["name"] = "n0";
        items.back()["spec"]["renewTime"] = foreign_renewal_;
      }
    } else if (request.path.ends_with("/namespaces/default/events")) {
      for (const auto& [written, said] : events_) {
        if (revision < written) continue;
        items.push_back({{"metadata", Meta(std::to_string(written), written)},
                         {"lastTimestamp", TimeAt(said).substr(0, 19) + "Z"}});
      }
    } else if (request.path.ends_with("/configmaps")) {
      const std::string only = std::string(request.Query("fieldSelector").value_or(""));
      if (only.empty() || only == "metadata.name=m") {
        items.push_back(Map("m", revision / 100 * 100));
      }
      if (revision >= 900 && only.empty()) items.push_back(Map("new", 900));
    } else if (request.path.ends_with("/pods") && has_stateful_set_) {
      for (const char* name : {"db-0", "db-1"}) {
        items.push_back(Pod(name, "db", "StatefulSet"));
        items.back()["metadata"]["uid"] = name + std::string(revision < 900 ? "-old" : "-new");
        items.back()["metadata"]["resourceVersion"] = revision < 900 ? "800" : "900";
      }
    } else if (request.path.ends_with("/pods")) {
      for (const char* name : {"new-1", "new-2"}) {
        if (revision >= 900) items.push_back(Pod(name, "new"));
      }
      if (revision < 900) items.push_back(Pod("old", "old"));
    } else if (request.path.ends_with("/secrets")) {
      if (revision < 900) items.push_back(Secret("s", 5));
      items.push_back(Secret("t", revision < 900 ? 6 : 900));
    }
    return Of(200,
              {{"metadata", {{"resourceVersion", std::to_string(revision)}}}, {"items", items}});
  }
  // As our own server answers, where it does.
  http::Response WhatWasNewest(const http::Request& request) {
    if (!tells_times_) return Of(404, {{"kind", "Status"}, {"reason", "NotFound"}, {"code", 404}});
    const auto ago = request.Query("ago");
    const TimePoint moment = ago ? now_ - *ParseGoDuration(std::string(*ago))
                                 : Time::Parse(*request.Query("at"))->point();
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(now_ - moment).count();
    const uint64_t newest = seconds > 999 ? 0 : kNewest - static_cast<uint64_t>(seconds);
    if (sure_until_ > 0 && newest > sure_until_) {
      return Of(200, {{"resourceVersion", std::to_string(sure_until_)},
                      {"sureUntil", TimeAt(sure_until_)}});
    }
    if (newest >= kept_from_) return Of(200, {{"resourceVersion", std::to_string(newest)}});
    return Of(200, {{"resourceVersion", std::to_string(kept_from_)},
                    {"oldest", true},
                    {"since", TimeAt(kept_from_)}});
  }
  static http::Response Of(int status, const Json& body) {
    http::Response response;
    response.status = status;
    response.body = body.dump();
    return response;
  }
  static Json Meta(const std::string& name, uint64_t revision) {
    return {
        {"name", name}, {"namespace", "default"}, {"resourceVersion", std::to_string(revision)}};
  }
  std::string TimeAt(uint64_t revision) const {
    return Time(now_ - std::chrono::seconds(kNewest - revision)).Rfc3339Micro();
  }
  Json Lease(uint64_t revision) const {
    const uint64_t renewed = revision / 10 * 10;
    Json lease = {{"metadata", Meta("n1", renewed)}, {"spec", {{"renewTime", TimeAt(renewed)}}}};
    lease["metadata"]["namespace"] = "kube-node-lease";
    lease["metadata"]["creationTimestamp"] = TimeAt(lease_from_).substr(0, 19) + "Z";
    return lease;
  }
  static Json Map(const std::string& name, uint64_t revision) {
    return {{"metadata", Meta(name, revision)}, {"data", {{"written", std::to_string(revision)}}}};
  }
  static Json Pod(const std::string& name, const std::string& set,
                  const std::string& kind = "ReplicaSet") {
    Json pod = {{"metadata", Meta(name, 900)}};
    const Json owner = {{"kind", kind}, {"name", set}, {"controller", true}};
    pod["metadata"]["ownerReferences"] = Json::array({owner});
    return pod;
  }
  static Json Secret(const std::string& name, uint64_t revision) {
    Json secret = {{"kind", "Secret"},
                   {"metadata", Meta(name, revision)},
                   {"data", {{"password", "aHVudGVyMg=="}}}};
    secret["metadata"]["annotations"] = {
        {"kubectl.kubernetes.io/last-applied-configuration",
         R"({"data":{"password":"aHVudGVyMg=="},"applied":)" + std::to_string(revision) + "}"}};
    return secret;
  }

  const TimePoint now_ = clock_.Now();
  bool tells_times_ = false;      // As other servers do not.
  uint64_t sure_until_ = 0;       // Of what came then the server does not know when.
  Json served_ = Json::object();  // Discovery of the core group.
  uint64_t kept_from_ = 1;
  uint64_t lease_from_ = 1;
  std::string foreign_renewal_;  // What somebody writes into an older Lease.
  bool leases_are_hidden_ = false;
  std::string leases_shown_at_;          // And yet.
  std::map<uint64_t, uint64_t> events_;  // Of these revisions, and of which they say they are.
  bool has_stateful_set_ = false;        // `db`, whose two pods were deleted at revision 900.
  int requests_ = 0;
};

TEST_F(HistoryTest, ShowsObjectsAsTheyWereAtARevision) {
  ASSERT_EQ(Run("get", {"cm", "m", "--at=730", "-o", "jsonpath={.data.written}"}), 0) << err_;
  EXPECT_EQ(out_, "700");
  ASSERT_EQ(Run("get", {"cm", "--at=730", "-o", "name"}), 0) << err_;
  EXPECT_EQ(out_, "configmap/m\n");
  ASSERT_EQ(Run("get", {"cm", "--at", "950", "-o", "name"}), 0) << err_;
  EXPECT_EQ(out_, "configmap/m\nconfigmap/new\n");
  ASSERT_EQ(Run("get", {"cm", "--at=730"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("m ")) << "as a table";
  EXPECT_EQ(Run("get", {"cm", "gone", "--at=730"}), 1);
  EXPECT_EQ(err_, "Error from server (NotFound): configmaps \"gone\" not found at revision 730\n");
  EXPECT_EQ(Run("get", {"cm", "gone", "--at=730", "--ignore-not-found"}), 0);
}

TEST_F(HistoryTest, ShowsObjectsAsTheyWereSoLongAgo) {
  ASSERT_EQ(Run("get", {"cm", "m", "--at=4m55s", "-o", "jsonpath={.data.written}"}), 0) << err_;
  EXPECT_EQ(out_, "700");
  EXPECT_LT(requests_, 20) << "found by halving";
}

TEST_F(HistoryTest, OurOwnServerKnowsWhatWasNewestAtAMoment) {
  tells_times_ = true;
  leases_are_hidden_ = true;
  ASSERT_EQ(Run("get", {"cm", "m", "--at=2m", "-o", "jsonpath={.data.written}"}), 0) << err_;
  EXPECT_EQ(out_, "800");
  EXPECT_LT(requests_, 10) << "no clock is looked for";
  ASSERT_EQ(Run("get", {"cm", "m", "--at=98s", "-o", "jsonpath={.data.written}"}), 0) << err_;
  EXPECT_EQ(out_, "900") << "to the second, whenever a Lease was renewed";
  const std::string time = Time(now_ - 250s).Rfc3339Micro();
  ASSERT_EQ(Run("get", {"cm", "m", "--at=" + time, "-o", "jsonpath={.data.written}"}), 0) << err_;
  EXPECT_EQ(out_, "700");
  EXPECT_EQ(err_, "");
  EXPECT_EQ(Run("diff", {"--since=2m", "cm"}), 1) << err_;
  EXPECT_THAT(err_, HasSubstr("Since revision 880 (2m"));
  kept_from_ = 950;
  EXPECT_EQ(Run("get", {"cm", "--at=1h"}), 1);
  EXPECT_EQ(err_, "error: the past is only kept from revision 950 on, which is less than 1h\n");
  EXPECT_EQ(Run("get", {"cm", "--at=" + time}), 1);
  EXPECT_EQ(err_, "error: the past is only kept from revision 950 on, which is later than " + time +
                      "\n");
  EXPECT_EQ(Run("get", {"cm", "--at=7"}), 1);
  EXPECT_THAT(err_, HasSubstr("; the oldest is 950"));
}

TEST_F(HistoryTest, SaysHowFarOurServerIsSureWhereOthersWriteAsWell) {
  tells_times_ = true;
  sure_until_ = 850;
  ASSERT_EQ(Run("get", {"cm", "m", "--at=2m", "-o", "jsonpath={.data.written}"}), 0) << err_;
  EXPECT_EQ(out_, "800");
  EXPECT_THAT(err_, StartsWith("Note: nothing tells when what was written after revision 850 was: "
                               "that one is 30s older than the moment"));
  EXPECT_EQ(Run("diff", {"--since=98s", "cm"}), 1) << err_;
  EXPECT_THAT(err_, HasSubstr("Since revision 850 (2m30s ago)"));
  EXPECT_THAT(err_, HasSubstr("that one is 52s older than the moment"));
  ASSERT_EQ(Run("get", {"cm", "m", "--at=200s", "-o", "jsonpath={.data.written}"}), 0) << err_;
  EXPECT_EQ(err_, "") << "it knows that";
}

TEST_F(HistoryTest, ATimeIsAMomentByLeasesAsWell) {
  const std::string time = Time(now_ - 295s).Rfc3339Micro();
  ASSERT_EQ(Run("get", {"cm", "m", "--at=" + time, "-o", "jsonpath={.data.written}"}), 0) << err_;
  EXPECT_EQ(out_, "700");
  EXPECT_EQ(Run("get", {"cm", "--at=2999-01-01T00:00:00Z"}), 1);
  EXPECT_THAT(err_, HasSubstr("2999-01-01T00:00:00Z is of the future"));
}

TEST_F(HistoryTest, SaysWhereTheMomentLiesInATimeOfWhichNothingTells) {
  leases_are_hidden_ = true;
  events_ = {{700, 700}, {850, 850}, {930, 930}};
  EXPECT_EQ(Run("get", {"cm", "m", "--at=101s", "-o", "jsonpath={.data.written}"}), 0) << err_;
  EXPECT_EQ(out_, "800");
  EXPECT_THAT(err_, StartsWith("Note: nothing tells when what was written after revision 850 was: "
                               "that one is 4"));
}

TEST_F(HistoryTest, SaysWhatIsNoLongerKept) {
  kept_from_ = 413;
  EXPECT_EQ(Run("get", {"cm", "--at=412"}), 1);
  EXPECT_THAT(err_, HasSubstr("revision 412 is no longer kept"));
  EXPECT_THAT(err_, HasSubstr("the oldest is 413"));
  EXPECT_EQ(Run("get", {"cm", "m", "--at=7"}), 1);
  EXPECT_THAT(err_, HasSubstr("the oldest is 413"));
  EXPECT_EQ(Run("get", {"cm", "--at=1h"}), 1);
  EXPECT_THAT(err_, HasSubstr("only kept from revision 413 on, which is less than 1h"));
}

TEST_F(HistoryTest, WhatHasNotHappenedIsNotWaitedFor) {
  EXPECT_EQ(Run("get", {"cm", "--at=1001"}), 1);
  EXPECT_EQ(err_, "error: revision 1001 is of the future: the newest is 1000\n");
  EXPECT_NE(Run("diff", {"--since=1001", "cm"}), 0);
  EXPECT_EQ(err_, "error: revision 1001 is of the future: the newest is 1000\n");
  leases_are_hidden_ = true;
  EXPECT_EQ(Run("get", {"cm", "--at=1001"}), 1) << "by the Events of the namespace";
  EXPECT_THAT(err_, HasSubstr("the newest is 1000"));
  EXPECT_EQ(Run("get", {"cm", "m", "--at=1000"}), 0) << err_;
}

TEST_F(HistoryTest, AYoungClusterHasForgottenNothing) {
  EXPECT_EQ(Run("get", {"cm", "--at=1h"}), 1);
  EXPECT_EQ(err_,
            "error: nothing shows that the cluster is as old as 1h: its past begins with revision "
            "1\n");
  EXPECT_EQ(Run("diff", {"--since=1h", "cm"}), 1) << err_;
  EXPECT_THAT(err_, HasSubstr("Note: nothing shows that the cluster is as old as 1h: this is what "
                              "has changed since its beginning\n"));
}

TEST_F(HistoryTest, RefusesWhatIsNoMoment) {
  for (const char* word : {"yesterday", "-5m", "0", "", "18446744073709551616"}) {
    EXPECT_EQ(Run("get", {"cm", std::string("--at=") + word, "-o", "name"}), 1) << word;
    EXPECT_THAT(err_, HasSubstr("neither a resourceVersion")) << word;
  }
  EXPECT_EQ(Run("get", {"cm", "--at=5", "-o", "name"}), 0) << err_;
  EXPECT_EQ(Run("get", {"cm", "--at=5", "-w"}), 1);
  EXPECT_THAT(err_, HasSubstr("--at goes with neither --watch"));
}

TEST_F(HistoryTest, ShowsWhatHasChangedSince) {
  EXPECT_EQ(Run("diff", {"--since=850", "cm,secrets"}), 1) << err_;
  EXPECT_THAT(out_, HasSubstr("-  written: \"800\"\n+  written: \"1000\"\n"));
  EXPECT_THAT(out_, HasSubstr("+  name: new\n"));
  EXPECT_THAT(out_, HasSubstr("-  name: s\n"));
  EXPECT_THAT(out_, Not(HasSubstr("aHVudGVyMg"))) << "nor what a Secret held that went";
  EXPECT_THAT(out_, HasSubstr("-  password: '***'\n"));
  EXPECT_THAT(out_, HasSubstr("last-applied-configuration: '*** (after)'\n"));
  EXPECT_EQ(Run("diff", {"--since=850", "cm", "m"}), 1) << err_;
  EXPECT_THAT(out_, Not(HasSubstr("name: new")));
  EXPECT_EQ(Run("diff", {"--since=1000", "cm"}), 0) << "nothing";
  EXPECT_EQ(out_, "");
  EXPECT_EQ(err_, "Nothing changed since revision 1000.\n");
  EXPECT_EQ(Run("diff", {"--since=850", "cm", "m", "mm"}), 2) << "mistyped";
  EXPECT_THAT(out_, HasSubstr("+  written: \"1000\"\n"));
  EXPECT_EQ(err_,
            "Error from server (NotFound): configmaps \"mm\" not found, neither now nor at "
            "revision 850\n");
  EXPECT_EQ(Run("diff", {"--since=1000", "cm", "mm"}), 2);
  EXPECT_EQ(out_, "");
  EXPECT_EQ(err_,
            "Error from server (NotFound): configmaps \"mm\" not found, neither now nor at "
            "revision 1000\n")
      << "and nothing of what has not changed";
}

// An apply writes all of the object into an annotation, too.
TEST_F(HistoryTest, ShowsOfAnApplyWhatItChanged) {
  const auto others = server_;
  server_ = [=](const http::Request& request) {
    if (!request.path.ends_with("/configmaps")) return others(request);
    const auto version = request.Query("resourceVersion");
    const bool is_then = version && *version == "850";
    Json map = Map("m", is_then ? 800 : 900);
    map["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] =
        is_then ? "all of then" : "all of now";
    return Of(200, {{"metadata", {{"resourceVersion", is_then ? "850" : "1000"}}},
                    {"items", Json::array({map})}});
  };
  EXPECT_EQ(Run("diff", {"--since=850", "cm", "m"}), 1) << err_;
  EXPECT_THAT(out_, HasSubstr("-  written: \"800\"\n+  written: \"900\"\n"));
  EXPECT_THAT(out_, Not(HasSubstr("all of")));
}

TEST_F(HistoryTest, ShowsColoursUnderOurOwnNameAlone) {
  has_colours_ = true;
  EXPECT_EQ(Run("diff", {"--since=850", "cm", "m"}), 1) << err_;
  EXPECT_THAT(out_, Not(HasSubstr("\x1b"))) << "as kubectl";
  program_ = "skiff";
  EXPECT_EQ(Run("diff", {"--since=850", "cm", "m"}), 1) << err_;
  EXPECT_THAT(out_, HasSubstr("\x1b[32m+  written: \"1000\"\x1b[0m"));
}

TEST_F(HistoryTest, AnotherProgramGetsThePlainWordsBehindIt) {
  variables_["KUBECTL_EXTERNAL_DIFF"] = "echo  -x a.b c=d /etc";
  EXPECT_EQ(Run("diff", {"--since=850", "cm", "m"}), 0) << err_;
  EXPECT_THAT(out_, StartsWith("-x c=d /"));
}

TEST_F(HistoryTest, ListsWhatHasChanged) {
  EXPECT_EQ(Run("diff", {"--since=850", "--brief", "cm"}), 1) << err_;
  EXPECT_EQ(out_,
            "CHANGE    OBJECT          CONTROLLED BY\n"
            "changed   configmap/m     \n"
            "created   configmap/new   \n");
  EXPECT_EQ(Run("diff", {"--since=850", "cm"}), 1) << err_;
  EXPECT_THAT(out_, StartsWith("CHANGE "));
  EXPECT_EQ(Run("diff", {"--since=850", "cm", "m"}), 1) << err_;
  EXPECT_THAT(out_, StartsWith("diff ")) << "says it all";
  EXPECT_EQ(Run("diff", {"--since=1000", "--brief", "cm"}), 0) << err_;
  EXPECT_EQ(out_, "");
  EXPECT_EQ(Run("diff", {"--brief", "-f", "x.yaml"}), 2);
  EXPECT_THAT(err_, HasSubstr("--brief goes with --since"));
}

// Pods of a rollout would hide what has been changed.
TEST_F(HistoryTest, ShowsNotAllOfWhatAControllerMadeOrRemoved) {
  const Json pods = {
      {"name", "pods"}, {"kind", "Pod"}, {"namespaced", true}, {"verbs", {"list", "watch"}}};
  served_ = {{"groupVersion", "v1"}, {"resources", Json::array({pods})}};
  EXPECT_EQ(Run("diff", {"--since=850"}), 1) << err_;
  EXPECT_EQ(out_,
            "CHANGE    OBJECT    CONTROLLED BY\n"
            "created   2 pods    ReplicaSet/new\n"
            "deleted   pod/old   ReplicaSet/old\n");
  EXPECT_EQ(Run("diff", {"--since=850", "pods"}), 1) << err_;
  EXPECT_THAT(out_, HasSubstr("+  name: new-1\n")) << "who asks for them sees them";
}

// As the pods of a StatefulSet have.
TEST_F(HistoryTest, SaysOfWhatHasTheNameOfAnotherThatItIsNew) {
  has_stateful_set_ = true;
  const Json pods = {
      {"name", "pods"}, {"kind", "Pod"}, {"namespaced", true}, {"verbs", {"list", "watch"}}};
  served_ = {{"groupVersion", "v1"}, {"resources", Json::array({pods})}};
  EXPECT_EQ(Run("diff", {"--since=850"}), 1) << err_;
  EXPECT_EQ(out_,
            "CHANGE      OBJECT   CONTROLLED BY\n"
            "recreated   2 pods   StatefulSet/db\n");
  EXPECT_EQ(Run("diff", {"--since=850", "pods"}), 1) << err_;
  EXPECT_THAT(out_, HasSubstr("+  uid: db-0-new\n")) << "who asks for them sees them";
}

TEST_F(HistoryTest, LeavesOutWhatSaysASecondTimeWhatOthersSay) {
  const auto kind = [](const char* name, const char* kind) {
    return Json{{"name", name}, {"kind", kind}, {"namespaced", true}, {"verbs", {"list", "watch"}}};
  };
  served_ = {{"groupVersion", "v1"},
             {"resources", {kind("configmaps", "ConfigMap"), kind("endpoints", "Endpoints")}}};
  EXPECT_EQ(Run("diff", {"--since=850"}), 1) << err_;
  EXPECT_THAT(out_, HasSubstr("+  written: \"1000\"\n"));
  EXPECT_THAT(out_, Not(HasSubstr("subsets"))) << "their slices say it";
  EXPECT_EQ(Run("diff", {"--since=850", "endpoints"}), 1) << err_;
  EXPECT_THAT(out_, HasSubstr("subsets")) << "who asks for them sees them";
}

TEST_F(HistoryTest, ShowsWhatHasChangedForSoLong) {
  EXPECT_EQ(Run("diff", {"--since=2m", "cm"}), 1) << err_;
  EXPECT_THAT(out_, HasSubstr("-  written: \"800\"\n"));
  EXPECT_THAT(err_, HasSubstr("Since revision 880 (2m"));
  EXPECT_THAT(out_, HasSubstr("/THEN-")) << "which is no plan of an apply";
  EXPECT_EQ(Run("diff", {"--since=30s", "cm", "m"}), 1) << err_;
  EXPECT_EQ(Run("diff", {"--since=30s", "secrets", "t"}), 0) << err_;
  EXPECT_THAT(err_, StartsWith("Nothing changed since revision 970 ("));
  kept_from_ = 913;
  EXPECT_EQ(Run("diff", {"--since=2m", "cm"}), 1) << err_;
  EXPECT_THAT(err_, HasSubstr("the past is kept from revision 913"));
  EXPECT_THAT(out_, Not(HasSubstr("name: new"))) << "it was there already";
  kept_from_ = 1;
  lease_from_ = 905;
  EXPECT_EQ(Run("diff", {"--since=10m", "cm"}), 1) << err_;
  EXPECT_THAT(err_, HasSubstr("since its beginning")) << "all of a cluster that is so young";
  EXPECT_THAT(out_, HasSubstr("+  name: new\n"));
}

TEST_F(HistoryTest, DiffSaysWhatItCannotDo) {
  EXPECT_EQ(Run("diff", {"--since=5", "-f", "x.yaml"}), 2);
  EXPECT_THAT(err_, HasSubstr("compares the cluster with itself"));
  EXPECT_EQ(Run("diff", {"--since="}), 2);
  EXPECT_THAT(err_, HasSubstr("neither a resourceVersion"));
  const int requests = requests_;
  EXPECT_EQ(Run("diff", {"--since=x", "cm"}), 2);
  EXPECT_THAT(err_, HasSubstr("neither a resourceVersion"));
  EXPECT_EQ(requests_, requests) << "no server is asked";
  EXPECT_EQ(Run("diff", {"--since=5", "--prune"}), 2);
  EXPECT_THAT(err_, HasSubstr("--prune goes with -f"));
  EXPECT_EQ(Run("diff", {"-A", "-f", "x.yaml"}), 2);
  EXPECT_THAT(err_, HasSubstr("goes with --since"));
  lease_from_ = kNewest + 1;
  EXPECT_EQ(Run("diff", {"--since=5m", "cm"}), 2);
  EXPECT_THAT(err_, HasSubstr("name a resourceVersion instead"));
  leases_are_hidden_ = true;
  EXPECT_EQ(Run("diff", {"--since=5m", "cm"}), 2);
  EXPECT_THAT(err_, HasSubstr("you may not list the Leases of the namespace kube-node-lease"));
  EXPECT_THAT(err_, HasSubstr("no Event of the namespace default that you may see is as old"));
  EXPECT_THAT(err_, HasSubstr("skiff -n kube-node-lease create role clock"));
  EXPECT_EQ(Run("diff", {"--since=730", "cm"}), 1) << err_;
}

TEST_F(HistoryTest, TheRightToTheNodesLeasesIsEnoughForMoments) {
  leases_are_hidden_ = true;
  leases_shown_at_ = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";
  EXPECT_EQ(Run("diff", {"--since=101s", "cm"}), 1) << err_;
  EXPECT_THAT(out_, HasSubstr("+  name: new\n"));
}

TEST_F(HistoryTest, WhoMaySeeNoLeasesHasTheEventsOfHisNamespace) {
  leases_are_hidden_ = true;
  events_ = {{700, 700}, {850, 850}, {930, 930}};
  EXPECT_EQ(Run("diff", {"--since=101s", "cm"}), 1) << err_;
  EXPECT_THAT(err_, HasSubstr("Since revision 850 ("));
  EXPECT_THAT(out_, HasSubstr("+  name: new\n"));
  // One that says it is older than what was there before it does not begin too late.
  events_[940] = 100;
  EXPECT_EQ(Run("diff", {"--since=101s", "cm"}), 1) << err_;
  EXPECT_THAT(err_, HasSubstr("Since revision 850 ("));
  kept_from_ = 880;
  EXPECT_EQ(Run("diff", {"--since=101s", "cm"}), 1) << err_;
  EXPECT_THAT(err_, HasSubstr("the past is kept from revision 880 on"));
}

TEST_F(HistoryTest, ALeaseOfTheFutureTellsNoMoment) {
  foreign_renewal_ = "2099-01-01T00:00:00.000000Z";
  EXPECT_EQ(Run("diff", {"--since=101s", "cm"}), 1) << err_;
  EXPECT_THAT(out_, HasSubstr("+  name: new\n"));
}

TEST(VersionsTest, NoNameLeadsOutOfTheFolder) {
  Resource resource;
  resource.api_version = "";
  resource.kind = "/../../a";
  EXPECT_EQ(FileNameOf(resource, {"../b", "../c"}).find('/'), std::string::npos);
}

TEST(VersionsTest, ALongNameIsAFileOfItsOwnAllTheSame) {
  const std::string prefix(252, 'a');
  Resource resource;
  resource.api_version = "v1";
  resource.kind = "ConfigMap";
  const std::string one = FileNameOf(resource, {"default", prefix + "b"});
  EXPECT_LE(one.size(), 255u);
  EXPECT_TRUE(one.starts_with("v1.ConfigMap.default.aaaa"));
  EXPECT_NE(one, FileNameOf(resource, {"default", prefix + "c"}));
}

}  // namespace
}  // namespace skiff::cli
