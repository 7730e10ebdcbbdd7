// What the collector does before it has heard of all kinds, as after a start or a change of leader:
// nothing. With whole clusters it is tested in e2e/.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "controllers/listing_server_fixture.h"
#include "controllers/machinery/custom_kind_watches.h"
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

// There is one definition, of things.
class GarbageCollectorTest : public ListingServerTest {
 protected:
  GarbageCollectorTest() {
    auto custom_kinds = std::make_unique<CustomKindWatches>(manager_);
    AddGarbageCollector(manager_, *custom_kinds, /*workers=*/2);
    manager_.AddLoop(std::move(custom_kinds));
    const Json established = {{"type", "Established"}, {"status", "True"}};
    Put(kDefinitionsPath, std::string(kDefinitionsPath) + "/things.a.io",
        {{"spec",
          {{"group", "a.io"},
           {"scope", "Namespaced"},
           {"names", {{"plural", "things"}, {"kind", "Thing"}}},
           {"versions", {{{"name", "v1"}, {"served", true}, {"storage", true}}}}}},
         {"status", {{"conditions", {established}}}}});
  }

  void PutOwned(const std::string& list, const std::string& path, const std::string& api_version,
                const std::string& kind, const std::string& owner) {
    const Json reference = {{"apiVersion", api_version},
                            {"kind", kind},
                            {"name", owner},
                            {"uid", owner},
                            {"blockOwnerDeletion", true}};
    Put(list, path, {{"metadata", {{"ownerReferences", {reference}}}}});
  }
  // An owner that is being deleted, and two that it owns.
  void PutFamily(const std::string& finalizer) {
    Put(kOwnersPath, kOwnerPath,
        {{"metadata",
          {{"deletionTimestamp", "2027-01-15T07:00:00Z"}, {"finalizers", {finalizer}}}}});
    PutOwned(kThingsPath, kThingPath, "v1", "ConfigMap", "owner");
    PutOwned(kSecretsPath, kSecretPath, "v1", "ConfigMap", "owner");
  }
};

// Of all that has to be known, what comes last.
class UnseenKindTest : public GarbageCollectorTest,
                       public testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(Kinds, UnseenKindTest,
                         testing::Values(kDefinitionsPath, kThingsPath, kSecretsPath));

TEST_F(GarbageCollectorTest, OneThatCannotBeOrphanedHoldsItsOwnerAndNoOther) {
  refused_ = {std::string("PATCH ") + kSecretPath};
  PutFamily("orphan");
  Run(40s);
  EXPECT_THAT(written(), testing::Contains(std::string("PATCH ") + kThingPath));
  EXPECT_THAT(written(), testing::Not(testing::Contains(std::string("PATCH ") + kOwnerPath)));
}

TEST_P(UnseenKindTest, OrphaningWaitsForAllDependents) {
  refused_ = {GetParam()};
  PutFamily("orphan");
  Run(20s);
  EXPECT_THAT(written(), IsEmpty());
  refused_.clear();
  Run(40s);
  ASSERT_EQ(written().size(), 3u) << testing::PrintToString(written());
  EXPECT_THAT(std::vector<std::string>(written().begin(), written().begin() + 2),
              UnorderedElementsAre(std::string("PATCH ") + kThingPath,
                                   std::string("PATCH ") + kSecretPath));
  EXPECT_EQ(written()[2], std::string("PATCH ") + kOwnerPath);
}

TEST_P(UnseenKindTest, ForegroundDeletionWaitsForAllDependents) {
  refused_ = {GetParam()};
  PutFamily("foregroundDeletion");
  Run(20s);
  EXPECT_THAT(written(), IsEmpty());
  refused_.clear();
  Run(40s);
  EXPECT_THAT(written(), UnorderedElementsAre(std::string("DELETE ") + kThingPath,
                                              std::string("DELETE ") + kSecretPath));
}

TEST_F(GarbageCollectorTest, AKindThatCannotBeListedHoldsUpTheOthersForAMinute) {
  refused_ = {kThingsPath};
  PutFamily("orphan");
  Run(59s);
  EXPECT_THAT(written(), IsEmpty());
  Run(2s);
  EXPECT_THAT(written(),
              ElementsAre(std::string("PATCH ") + kSecretPath, std::string("PATCH ") + kOwnerPath));
}

// A server has policies that mutate when it is asked to, which another one may be later.
TEST_F(GarbageCollectorTest, KindsOnRequestAreCollectedOnceTheyAreServed) {
  const std::string version = "/apis/admissionregistration.k8s.io/v1beta1";
  const std::string policies = version + "/mutatingadmissionpolicies";
  answers_[version] = {404, {{"kind", "Status"}, {"reason", "NotFound"}}};
  PutOwned(policies, policies + "/p", "v1", "Node", "lost");
  const std::string lost = "/api/v1/nodes/lost";
  answers_[lost] = {404,
                    {{"kind", "Status"},
                     {"reason", "NotFound"},
                     {"details", {{"name", "lost"}, {"kind", "nodes"}}}}};
  Run(20s);
  EXPECT_THAT(written(), IsEmpty()) << "nobody serves them";
  answers_[version] = {200,
                       {{"resources",
                         {{{"name", "mutatingadmissionpolicies"}},
                          {{"name", "mutatingadmissionpolicybindings"}}}}}};
  Run(60s);
  EXPECT_THAT(written(), Each(StartsWith("DELETE " + policies + "/p")));
  EXPECT_FALSE(written().empty());
}

TEST_F(GarbageCollectorTest, OfTwoVersionsOnRequestOneIsLookedAt) {
  const std::string group = "/apis/admissionregistration.k8s.io/";
  for (const char* version : {"v1alpha1", "v1beta1"}) {
    answers_[group + version] = {200, {{"resources", {{{"name", "mutatingadmissionpolicies"}}}}}};
    const std::string policies = group + version + "/mutatingadmissionpolicies";
    PutOwned(policies, policies + "/p", "v1", "Node", "lost");
  }
  answers_["/api/v1/nodes/lost"] = {404,
                                    {{"kind", "Status"},
                                     {"reason", "NotFound"},
                                     {"details", {{"name", "lost"}, {"kind", "nodes"}}}}};
  Run(60s);
  EXPECT_THAT(written(), Each(StartsWith("DELETE " + group + "v1beta1/")));
  EXPECT_FALSE(written().empty());
}

// Another API server has them (an APIService with a Service): nobody defines them here.
TEST_F(GarbageCollectorTest, ObjectsOfOtherApiServersAreCollected) {
  const std::string services = "/apis/apiregistration.k8s.io/v1/apiservices";
  const Json available = {{"type", "Available"}, {"status", "True"}};
  Put(services, services + "/v1.far.io",
      {{"spec",
        {{"group", "far.io"},
         {"version", "v1"},
         {"service", {{"namespace", "default"}, {"name", "far"}}}}},
       {"status", {{"conditions", {available}}}}});
  answers_["/apis/far.io/v1"] = {200,
                                 {{"resources",
                                   {{{"name", "boats"},
                                     {"kind", "Boat"},
                                     {"namespaced", true},
                                     {"verbs", {"delete", "get", "list", "watch"}}}}}}};
  const std::string boat = "/apis/far.io/v1/namespaces/default/boats/boat";
  PutOwned("/apis/far.io/v1/boats", boat, "v1", "ConfigMap", "lost");
  answers_["/api/v1/namespaces/default/configmaps/lost"] = {
      404,
      {{"kind", "Status"},
       {"reason", "NotFound"},
       {"details", {{"name", "lost"}, {"kind", "configmaps"}}}}};
  Run(20s);
  EXPECT_THAT(written(), Each(StartsWith("DELETE " + boat)));
  EXPECT_FALSE(written().empty());
}

// What is served on request is waited for as all kinds are.
TEST_F(GarbageCollectorTest, NothingIsOrphanedBeforeItIsKnownWhatIsServedOnRequest) {
  const std::string version = "/apis/admissionregistration.k8s.io/v1beta1";
  refused_ = {version};
  PutFamily("orphan");
  Run(20s);
  EXPECT_THAT(written(), IsEmpty());
  refused_.clear();
  Run(40s);
  EXPECT_EQ(written().size(), 3u);
}

TEST_F(GarbageCollectorTest, AnOwnerIsGoneOnlyWhereItsKindIsServed) {
  PutOwned(kSecretsPath, kSecretPath, "a.io/v1", "Thing", "lost");
  const std::string lost = "/apis/a.io/v1/namespaces/default/things/lost";
  Json status = {{"kind", "Status"}, {"reason", "NotFound"}, {"details", Json::object()}};
  answers_[lost] = {404, status};
  Run(10s);
  EXPECT_THAT(written(), IsEmpty()) << "the path is not served";
  status["details"] = {{"name", "lost"}, {"group", "a.io"}, {"kind", "things"}};
  answers_[lost] = {404, status};
  Run(20s);
  EXPECT_THAT(written(), Each(StartsWith(std::string("DELETE ") + kSecretPath)));
  EXPECT_FALSE(written().empty());
}

TEST_F(GarbageCollectorTest, AnOwnerIsLookedForInTheVersionThatIsNamed) {
  PutOwned(kSecretsPath, kSecretPath, "a.io/v7", "Thing", "lost");
  Json status = {{"kind", "Status"}, {"reason", "NotFound"}, {"details", Json::object()}};
  answers_["/apis/a.io/v7/namespaces/default/things/lost"] = {404, status};
  status["details"] = {{"name", "lost"}, {"group", "a.io"}, {"kind", "things"}};
  answers_["/apis/a.io/v1/namespaces/default/things/lost"] = {404, status};
  Run(60s);
  EXPECT_THAT(written(), IsEmpty()) << "nobody serves that version";
}

// An object without a namespace cannot have an owner in one, and does not keep others from losing
// theirs.
TEST_F(GarbageCollectorTest, AnOwnerIsLookedForWhereOneOfItsDependentsIs) {
  PutOwned("/api/v1/nodes", "/api/v1/nodes/n", "v1", "ConfigMap", "lost");
  PutOwned(kSecretsPath, kSecretPath, "v1", "ConfigMap", "lost");
  Json status = {{"kind", "Status"}, {"reason", "NotFound"}, {"details", Json::object()}};
  answers_["/api/v1/configmaps/lost"] = {404, status};
  status["details"] = {{"name", "lost"}, {"kind", "configmaps"}};
  answers_["/api/v1/namespaces/default/configmaps/lost"] = {404, status};
  Run(60s);
  EXPECT_THAT(written(), Each(StartsWith(std::string("DELETE ") + kSecretPath)));
  EXPECT_FALSE(written().empty());
}

}  // namespace
}  // namespace skiff
