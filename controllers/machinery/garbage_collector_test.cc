// What the collector does before it has heard of all kinds, as after a start or a change of leader:
// nothing. With whole clusters it is tested in e2e/.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "client/manager.h"
#include "client/transport.h"
#include "controllers/program.h"

namespace skiff {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;
using testing::UnorderedElementsAre;

constexpr char kDefinitionsPath[] = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
constexpr char kThingsPath[] = "/apis/a.io/v1/things";
constexpr char kSecretsPath[] = "/api/v1/secrets";
constexpr char kOwnersPath[] = "/api/v1/configmaps";

constexpr char kOwnerPath[] = "/api/v1/namespaces/default/configmaps/owner";
constexpr char kThingPath[] = "/apis/a.io/v1/namespaces/default/things/thing";
constexpr char kSecretPath[] = "/api/v1/namespaces/default/secrets/secret";

// A server of one definition and whatever the test puts there, which takes all writes and does
// nothing.
class GarbageCollectorTest : public testing::Test {
 protected:
  GarbageCollectorTest() {
    AddGarbageCollector(manager_);
    const Json established = {{"type", "Established"}, {"status", "True"}};
    lists_[kDefinitionsPath] = {
        {{"metadata", {{"name", "things.a.io"}, {"uid", "d"}, {"resourceVersion", "1"}}},
         {"spec",
          {{"group", "a.io"},
           {"scope", "Namespaced"},
           {"names", {{"plural", "things"}, {"kind", "Thing"}}},
           {"versions", {{{"name", "v1"}, {"served", true}, {"storage", true}}}}}},
         {"status", {{"conditions", {established}}}}}};
  }
  ~GarbageCollectorTest() override { manager_.Stop(); }

  http::Response Answer(const http::Request& request) {
    if (request.method != "GET") {
      written_.push_back(request.method + " " + request.path);
      return {.status = 200, .body = "{}"};
    }
    const bool is_watch = std::any_of(request.query.begin(), request.query.end(),
                                      [](const auto& it) { return it.first == "watch"; });
    if (is_watch || refused_.contains(request.path)) return {.status = 503, .body = "{}"};
    if (const auto object = objects_.find(request.path); object != objects_.end()) {
      return {.status = object->second.first, .body = object->second.second.dump()};
    }
    Json list = {{"metadata", {{"resourceVersion", "1"}}}, {"items", lists_[request.path]}};
    return {.status = 200, .content_type = "application/json", .body = list.dump()};
  }

  // `path`: where it is; `list`: where it is listed.
  void Put(const std::string& path, const std::string& list, Json metadata) {
    metadata["namespace"] = "default";
    metadata["name"] = metadata["uid"] = path.substr(path.rfind('/') + 1);
    metadata["resourceVersion"] = "1";
    const Json object = {{"metadata", metadata}};
    lists_[list].push_back(object);
    objects_[path] = {200, object};
  }
  static Json OwnedBy(const std::string& name, const std::string& api_version,
                      const std::string& kind) {
    return {{"ownerReferences",
             {{{"apiVersion", api_version},
               {"kind", kind},
               {"name", name},
               {"uid", name},
               {"blockOwnerDeletion", true}}}}};
  }
  // An owner that is being deleted, and two that it owns.
  void PutFamily(const std::string& finalizer) {
    Put(kOwnerPath, kOwnersPath,
        {{"deletionTimestamp", "2027-01-15T07:00:00Z"}, {"finalizers", {finalizer}}});
    Put(kThingPath, kThingsPath, OwnedBy("owner", "v1", "ConfigMap"));
    Put(kSecretPath, kSecretsPath, OwnedBy("owner", "v1", "ConfigMap"));
  }

  FakeClock clock_{TimePoint(std::chrono::seconds(1'800'000'000))};
  SeededRandom random_{1};
  SteppedExecutor executor_{clock_, 1};
  std::map<std::string, Json> lists_;
  std::map<std::string, std::pair<int, Json>> objects_;  // With the code of the answer.
  std::set<std::string> refused_;                        // What is answered by 503.
  std::vector<std::string> written_;
  InProcessTransport transport_{[this](const http::Request& request) { return Answer(request); }};
  Client client_{transport_, "test"};
  InformerFactory informers_{{client_, clock_, random_}};
  Manager manager_{{transport_, clock_, random_, informers_, "test"}};
};

// Of all that has to be known, what comes last.
class UnseenKindTest : public GarbageCollectorTest,
                       public testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(Kinds, UnseenKindTest,
                         testing::Values(kDefinitionsPath, kThingsPath, kSecretsPath));

TEST_P(UnseenKindTest, OrphaningWaitsForAllDependents) {
  refused_ = {GetParam()};
  PutFamily("orphan");
  manager_.Start(executor_);
  executor_.RunFor(20s);
  EXPECT_THAT(written_, IsEmpty());
  refused_.clear();
  executor_.RunFor(40s);
  ASSERT_EQ(written_.size(), 3u) << testing::PrintToString(written_);
  EXPECT_THAT(std::vector<std::string>(written_.begin(), written_.begin() + 2),
              UnorderedElementsAre(std::string("PATCH ") + kThingPath,
                                   std::string("PATCH ") + kSecretPath));
  EXPECT_EQ(written_[2], std::string("PATCH ") + kOwnerPath);
}

TEST_P(UnseenKindTest, ForegroundDeletionWaitsForAllDependents) {
  refused_ = {GetParam()};
  PutFamily("foregroundDeletion");
  manager_.Start(executor_);
  executor_.RunFor(20s);
  EXPECT_THAT(written_, IsEmpty());
  refused_.clear();
  executor_.RunFor(40s);
  EXPECT_THAT(written_, UnorderedElementsAre(std::string("DELETE ") + kThingPath,
                                             std::string("DELETE ") + kSecretPath));
}

TEST_F(GarbageCollectorTest, AKindThatCannotBeListedHoldsUpTheOthersForAMinute) {
  refused_ = {kThingsPath};
  PutFamily("orphan");
  manager_.Start(executor_);
  executor_.RunFor(59s);
  EXPECT_THAT(written_, IsEmpty());
  executor_.RunFor(2s);
  EXPECT_THAT(written_,
              ElementsAre(std::string("PATCH ") + kSecretPath, std::string("PATCH ") + kOwnerPath));
}

TEST_F(GarbageCollectorTest, AnOwnerIsGoneOnlyWhereItsKindIsServed) {
  Put(kSecretPath, kSecretsPath, OwnedBy("lost", "a.io/v1", "Thing"));
  const std::string lost = "/apis/a.io/v1/namespaces/default/things/lost";
  Json status = {{"kind", "Status"}, {"reason", "NotFound"}, {"details", Json::object()}};
  objects_[lost] = {404, status};
  manager_.Start(executor_);
  executor_.RunFor(10s);
  EXPECT_THAT(written_, IsEmpty()) << "the path is not served";
  status["details"] = {{"name", "lost"}, {"group", "a.io"}, {"kind", "things"}};
  objects_[lost] = {404, status};
  executor_.RunFor(20s);
  EXPECT_THAT(written_, Each(StartsWith(std::string("DELETE ") + kSecretPath)));
  EXPECT_FALSE(written_.empty());
}

}  // namespace
}  // namespace skiff
