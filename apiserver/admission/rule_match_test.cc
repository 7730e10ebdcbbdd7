// Rules and selectors against requests, over the built-in kinds.
#include "apiserver/admission/rule_match.h"

#include <gtest/gtest.h>

#include "api/gen/apps_v1.h"
#include "api/gen/autoscaling_v1.h"
#include "apiserver/server/server_fixture.h"

namespace skiff {
namespace {

class RuleMatchTest : public testing::Test {
 protected:
  RuleMatchTest() : disk_(NewMemoryDisk()) {
    store_ = *RocksdbStore::Open({.path = "/store", .env = disk_.get()}, clock_);
    caches_ = std::make_unique<Caches>(*store_);
  }

  struct Asked {
    Operation operation = Operation::kCreate;
    std::string_view group = "";
    std::string_view version = "v1";
    std::string_view resource = "pods";
    std::string subresource = {};
    std::string space = "default";
    std::string name = "n";
    std::map<std::string, std::string> labels = {};
    std::map<std::string, std::string> old_labels = {};
    Json* body = nullptr;
  };
  Result<const KindInfo*> Match(const MatchCriteria& criteria, const Asked& asked) {
    const auto kinds = registry_.Now();
    const KindInfo& kind = *kinds->FindResource(asked.group, asked.version, asked.resource);
    Object object(kind), old(kind);
    object.metadata().labels = asked.labels;
    old.metadata().labels = asked.old_labels;
    AdmissionRequest request{.operation = asked.operation,
                             .kind = kind,
                             .subresource = asked.subresource,
                             .namespace_name = kind.namespaced ? asked.space : "",
                             .name = asked.name,
                             .user = user_,
                             .object = &object,
                             .old_object = &old,
                             .warnings = warnings_};
    request.body = asked.body;
    return MatchRequest(criteria, request, {*caches_, *kinds});
  }
  // "" when nothing matched.
  std::string Matched(const MatchCriteria& criteria, const Asked& asked) {
    const auto kind = Match(criteria, asked);
    if (!kind) return kind.error().message;
    return *kind == nullptr ? "" : std::string((*kind)->api_version);
  }
  static ResourceRule Rule(std::string resource) {
    return {.operations = {"*"}, .groups = {"*"}, .versions = {"*"}, .resources = {resource}};
  }

  FakeClock clock_;
  std::shared_ptr<rocksdb::Env> disk_;
  std::unique_ptr<RocksdbStore> store_;
  std::unique_ptr<Caches> caches_;
  Registry registry_;
  User user_;
  std::vector<std::string> warnings_;
};

TEST_F(RuleMatchTest, ARuleNamesOperationsGroupsVersionsAndResources) {
  const MatchCriteria pods{.rules = {{.operations = {"CREATE", "DELETE"},
                                      .groups = {""},
                                      .versions = {"v1"},
                                      .resources = {"pods"}}}};
  EXPECT_EQ(Matched(pods, {}), "v1");
  EXPECT_EQ(Matched(pods, {.operation = Operation::kDelete}), "v1");
  EXPECT_EQ(Matched(pods, {.operation = Operation::kUpdate}), "");
  EXPECT_EQ(Matched(pods, {.resource = "configmaps"}), "");
  EXPECT_EQ(Matched(pods, {.subresource = "status"}), "");
  EXPECT_EQ(Matched(pods, {.group = "apps", .resource = "deployments"}), "");
  EXPECT_EQ(Matched({}, {}), "");
  EXPECT_EQ(Matched({.no_rules_match_all = true}, {}), "v1");
}

TEST_F(RuleMatchTest, StarsStandForResourcesAndForSubresources) {
  struct Case {
    const char* rule;
    bool pods, exec, scale;
  };
  for (const Case& c : {Case{"*", true, false, false}, Case{"*/*", true, true, true},
                        Case{"pods/*", true, true, false}, Case{"*/scale", false, false, true},
                        Case{"pods/exec", false, true, false}, Case{"pods", true, false, false}}) {
    const MatchCriteria criteria{.rules = {Rule(c.rule)}};
    EXPECT_EQ(Matched(criteria, {}) != "", c.pods) << c.rule;
    EXPECT_EQ(Matched(criteria, {.subresource = "exec"}) != "", c.exec) << c.rule;
    EXPECT_EQ(Matched(criteria,
                      {.group = "apps", .resource = "deployments", .subresource = "scale"}) != "",
              c.scale)
        << c.rule;
  }
}

TEST_F(RuleMatchTest, NamespacesThemselvesAreOfTheCluster) {
  ResourceRule rule = Rule("*");
  rule.scope = "Cluster";
  EXPECT_EQ(Matched({.rules = {rule}}, {.resource = "namespaces"}), "v1");
  EXPECT_EQ(Matched({.rules = {rule}}, {.resource = "nodes"}), "v1");
  EXPECT_EQ(Matched({.rules = {rule}}, {}), "");
  rule.scope = "Namespaced";
  EXPECT_EQ(Matched({.rules = {rule}}, {.resource = "namespaces"}), "");
  EXPECT_EQ(Matched({.rules = {rule}}, {}), "v1");
}

TEST_F(RuleMatchTest, AnEquivalentVersionMatchesUnlessThePolicyIsExact) {
  MatchCriteria criteria{.rules = {{.operations = {"*"},
                                    .groups = {"autoscaling"},
                                    .versions = {"v1"},
                                    .resources = {"horizontalpodautoscalers"}}}};
  const Asked v2{.group = "autoscaling", .version = "v2", .resource = "horizontalpodautoscalers"};
  EXPECT_EQ(Matched(criteria, v2), "autoscaling/v1");
  criteria.equivalent = false;
  EXPECT_EQ(Matched(criteria, v2), "");
  // Events are kept at one place for two groups.
  const MatchCriteria events{.rules = {{.operations = {"*"},
                                        .groups = {"events.k8s.io"},
                                        .versions = {"v1"},
                                        .resources = {"events"}}}};
  EXPECT_EQ(Matched(events, {.resource = "events"}), "events.k8s.io/v1");
}

TEST_F(RuleMatchTest, ExclusionsAndNamesHoldForPolicies) {
  MatchCriteria criteria{.rules = {Rule("*")}, .excluded = {Rule("configmaps")}};
  EXPECT_EQ(Matched(criteria, {.resource = "configmaps"}), "");
  EXPECT_EQ(Matched(criteria, {}), "v1");
  criteria.rules[0].names = {"a", "n"};
  EXPECT_EQ(Matched(criteria, {}), "v1");
  EXPECT_EQ(Matched(criteria, {.name = "other"}), "");
}

TEST_F(RuleMatchTest, TheNewOrTheOldObjectMatchesTheSelector) {
  const MatchCriteria criteria{.rules = {Rule("*")},
                               .object_selector = *LabelSelector::Parse("a=1")};
  EXPECT_EQ(Matched(criteria, {.labels = {{"a", "1"}}}), "v1");
  EXPECT_EQ(Matched(criteria, {.old_labels = {{"a", "1"}}}), "v1");
  EXPECT_EQ(Matched(criteria, {.labels = {{"a", "2"}}}), "");
}

TEST_F(RuleMatchTest, ABodyIsSelectedByItsOwnLabels) {
  const MatchCriteria criteria{
      .rules = {Rule("*")},
      .object_selector = *LabelSelector::Parse("a=a-value-of-more-than-a-few-letters")};
  const auto body = [](const char* value) {
    return Json{{"metadata", {{"labels", {{"a", value}, {"b", "2"}}}}}};
  };
  Json fits = body("a-value-of-more-than-a-few-letters");
  Json other = body("another-value-of-more-than-a-few-letters");
  EXPECT_EQ(Matched(criteria, {.body = &fits}), "v1");
  EXPECT_EQ(Matched(criteria, {.body = &other}), "");
}

TEST_F(RuleMatchTest, ANamespaceIsSelectedByTheLabelsItIsGiven) {
  const MatchCriteria criteria{.rules = {Rule("*")},
                               .namespace_selector = *LabelSelector::Parse("a=1")};
  EXPECT_EQ(Matched(criteria, {.resource = "namespaces", .labels = {{"a", "1"}}}), "v1");
  EXPECT_EQ(Matched(criteria, {.resource = "namespaces"}), "");
  EXPECT_EQ(Matched(criteria, {.resource = "nodes"}), "v1");
}

TEST_F(RuleMatchTest, AMissingNamespaceMattersOnlyWhereTheRulesMatch) {
  MatchCriteria criteria{.rules = {Rule("pods")},
                         .namespace_selector = *LabelSelector::Parse("a=1")};
  EXPECT_EQ(Matched(criteria, {.space = "lost"}), "namespaces \"lost\" not found");
  EXPECT_EQ(Matched(criteria, {.resource = "configmaps", .space = "lost"}), "");
}

class NamespaceLabelsTest : public ServerFixture {};

TEST_F(NamespaceLabelsTest, ObjectsAreSelectedByTheLabelsOfTheirNamespace) {
  ASSERT_EQ(Post("/api/v1/namespaces", R"({"metadata": {"name": "in", "labels": {"a": "1"}}})").code,
            201);
  ASSERT_EQ(Post("/api/v1/namespaces", R"({"metadata": {"name": "out"}})").code, 201);
  Caches caches(*store_);
  Registry registry;
  const MatchCriteria criteria{.rules = {{.operations = {"*"},
                                          .groups = {"*"},
                                          .versions = {"*"},
                                          .resources = {"*/*"}}},
                               .namespace_selector = *LabelSelector::Parse("a=1")};
  const User user;
  std::vector<std::string> warnings;
  const auto matches = [&](const char* space, const char* subresource) {
    const AdmissionRequest request{.operation = Operation::kConnect,
                                   .kind = core_v1::Pod::Info(),
                                   .subresource = subresource,
                                   .namespace_name = space,
                                   .user = user,
                                   .warnings = warnings};
    const auto kinds = registry.Now();
    return *MatchRequest(criteria, request, {caches, *kinds}) != nullptr;
  };
  EXPECT_TRUE(matches("in", ""));
  EXPECT_TRUE(matches("in", "exec"));
  EXPECT_FALSE(matches("out", "exec"));
}

TEST(SentKindTest, ASubresourceMayHaveAKindOfItsOwn) {
  EXPECT_EQ(SentKind(apps_v1::Deployment::Info(), "scale"),
            (KindName{"autoscaling", "v1", "Scale"}));
  EXPECT_EQ(SentKind(core_v1::Pod::Info(), "eviction"), (KindName{"policy", "v1", "Eviction"}));
  EXPECT_EQ(SentKind(core_v1::Pod::Info(), ""), (KindName{"", "v1", "Pod"}));
  EXPECT_EQ(SentKind(core_v1::Pod::Info(), "status"), (KindName{"", "v1", "Pod"}));
}

}  // namespace
}  // namespace skiff
