#include "apiserver/admission/admission.h"

#include <gtest/gtest.h>

#include "api/gen/core_v1.h"
#include "apiserver/admission/request_document.h"
#include "base/metrics.h"

namespace skiff {
namespace {

struct Removal {
  AdmissionRequest Of(std::string name) {
    return {.operation = Operation::kDelete,
            .kind = core_v1::ConfigMap::Info(),
            .name = std::move(name),
            .user = user,
            .warnings = warnings,
            .annotations = &annotations};
  }
  User user;
  std::vector<std::string> warnings;
  std::map<std::string, std::string> annotations;
};

TEST(Admission, ARefusalNamesTheObjectAsFarAsItHasAName) {
  Removal removal;
  AdmissionRequest named = removal.Of("a");
  EXPECT_EQ(Result<>(Deny(named, "no")).error().message, "configmaps \"a\" is forbidden: no");
  named.of_collection = true;
  EXPECT_EQ(ShownName(named), "Unknown");
  AdmissionRequest unnamed = removal.Of("");
  EXPECT_EQ(ShownName(unnamed), "Unknown");
  Object object(core_v1::ConfigMap::Info());
  object.metadata().generate_name = "a-";
  unnamed.object = &object;
  EXPECT_EQ(ShownName(unnamed), "a-");
}

TEST(Admission, ARequestHasItsFieldsWhereTheyAreEmptyToo) {
  Removal removal;
  const Json document = RequestDocument(removal.Of("a"), core_v1::ConfigMap::Info());
  std::string names;
  for (const auto& [name, value] : document.items()) names += name + " ";
  EXPECT_EQ(names,
            "dryRun kind name object oldObject operation options requestKind requestResource "
            "resource uid userInfo ");
  EXPECT_TRUE(document["object"].is_null());
  EXPECT_TRUE(document["oldObject"].is_null());
  EXPECT_EQ(document["uid"], "");
}

TEST(Admission, AnAnnotationNeedsAKeyWithADomain) {
  Removal removal;
  const AdmissionRequest request = removal.Of("a");
  for (const char* key : {"", "plain", "example.com/", "/name", "example.com/a/b",
                          "example.com/a b", "Example.com/a"}) {
    Annotate(request, key, "v");
  }
  EXPECT_TRUE(removal.annotations.empty()) << removal.annotations.begin()->first;
  Annotate(request, "example.com/round_0", "first");
  Annotate(request, "example.com/round_0", "second");
  EXPECT_EQ(removal.annotations.at("example.com/round_0"), "first");
}

class Judge final : public AdmissionPlugin, public Validates {
 public:
  std::string_view name() const override { return "Judge"; }
  Result<> Validate(const AdmissionRequest&) override { return {}; }
};

// As in Kubernetes, where a plugin has one step or the other, or both.
TEST(Admission, APluginIsAskedAndCountedForWhatItDoes) {
  MetricRegistry metrics;
  AdmissionChain chain;
  chain.TellTo(metrics);
  chain.Add(std::make_unique<Judge>());
  Removal removal;
  AdmissionRequest request = removal.Of("a");
  ASSERT_TRUE(chain.Admit(request));
  ASSERT_TRUE(chain.Validate(request));
  const std::string told = metrics.Text();
  const std::string count = "apiserver_admission_controller_admission_duration_seconds_count";
  EXPECT_NE(told.find(count + R"({name="Judge",type="validate",operation="DELETE")"),
            std::string::npos)
      << told;
  EXPECT_EQ(told.find(count + R"({name="Judge",type="admit")"), std::string::npos) << told;
}

}  // namespace
}  // namespace skiff
