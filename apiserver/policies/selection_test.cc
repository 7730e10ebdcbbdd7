#include "apiserver/policies/selection.h"

#include "api/gen/core_v1.h"
#include "apiserver/server/server_fixture.h"

namespace skiff {
namespace {

// A policy of ConfigMaps that come to be, under several bindings with parameters.
class SelectionTest : public ServerFixture {
 protected:
  static constexpr int kBindings = 3;

  SelectionTest() {
    EXPECT_EQ(Post("/api/v1/namespaces/default/configmaps", R"({"metadata": {"name": "param"}})")
                  .code,
              201);
    const std::string path = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolic";
    EXPECT_EQ(Post(path + "ies", R"j({"metadata": {"name": "p"}, "spec": {
        "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
        "matchConstraints": {"resourceRules": [{"operations": ["CREATE"], "apiGroups": [""],
            "apiVersions": ["v1"], "resources": ["configmaps"]}]},
        "validations": [{"expression": "true"}]}})j")
                  .code,
              201);
    for (int i = 0; i < kBindings; ++i) {
      const Json binding = {{"metadata", {{"name", "b-" + std::to_string(i)}}},
                            {"spec",
                             {{"policyName", "p"},
                              {"validationActions", {"Deny"}},
                              {"paramRef",
                               {{"name", "param"}, {"parameterNotFoundAction", "Deny"}}}}}};
      EXPECT_EQ(Post(path + "ybindings", binding.dump()).code, 201);
    }
  }

  // How many bindings judge a request that has time until then; `unusable_` has why others do not.
  int Chosen(std::chrono::steady_clock::time_point deadline) {
    const KindInfo& kind = core_v1::ConfigMap::Info();
    Object object(kind);
    const User user;
    std::vector<std::string> warnings;
    AdmissionRequest request{.operation = Operation::kCreate,
                             .kind = kind,
                             .namespace_name = "default",
                             .name = "x",
                             .user = user,
                             .object = &object,
                             .warnings = warnings};
    request.deadline = deadline;
    unusable_.clear();
    Caches caches(*store_);
    const auto policies = PolicyTable<ValidatingFamily>(*store_).Now();
    EXPECT_EQ(policies->size(), 1u);
    int chosen = 0;
    const auto done = SelectBindings(
        {*store_, caches, *Registry().Now()}, request, policies->front(),
        [&](const auto&, const KindInfo&, const PolicyParams& params) -> Result<> {
          EXPECT_EQ(params.size(), 1u);
          ++chosen;
          return {};
        },
        [&](const auto*, const std::string& why) { unusable_.push_back(why); });
    EXPECT_TRUE(done);
    return chosen;
  }

  std::vector<std::string> unusable_;
};

TEST_F(SelectionTest, ARequestIsJudgedUnderEachBindingThatMatches) {
  EXPECT_EQ(Chosen(std::chrono::steady_clock::time_point::max()), kBindings);
  EXPECT_TRUE(unusable_.empty());
}

// There may be any number of them, whose parameters take time to read.
TEST_F(SelectionTest, NoParametersAreReadWhenTheTimeOfTheRequestIsOver) {
  EXPECT_EQ(Chosen(std::chrono::steady_clock::now()), 0);
  EXPECT_EQ(unusable_,
            std::vector<std::string>(
                kBindings, "failed to configure binding: context deadline exceeded"));
}

}  // namespace
}  // namespace skiff
