// What one request takes where somebody has made ever more parameters of a policy.
#include <gtest/gtest.h>

#include "api/gen/core_v1.h"
#include "apiserver/audit/audit_test_log.h"
#include "apiserver/policies/params.h"
#include "apiserver/webhooks/hook_fixture.h"

namespace skiff {
namespace {

class ManyParamsTest : public AuditTestLog, public HookFixture {
 protected:
  static constexpr const char* kMaps = "/api/v1/namespaces/default/configmaps";

  ManyParamsTest()
      : HookFixture(
            Options("[{level: Metadata, resources: [{group: '', resources: [configmaps]}]}]",
                    "omitStages: [RequestReceived]")) {}

  Answer Make(const std::string& name, const Json& labels = Json::object(),
              const Json& data = Json::object()) {
    const Json map = {{"metadata", {{"name", name}, {"labels", labels}}}, {"data", data}};
    return Post(kMaps, map.dump());
  }
  void MakeParams(size_t count, size_t bytes) {
    for (size_t i = 0; i < count; ++i) {
      std::string text = std::to_string(i) + "/";
      text.resize(bytes, 'v');
      ASSERT_EQ(Make("param-" + std::to_string(i), {{"param", "yes"}}, {{"v", text}}).code, 201);
    }
  }
  // Of all parameters, for what is made from then on.
  void Bind(const Json& spec) {
    const std::string path = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolic";
    Json policy = {{"metadata", {{"name", "p"}}},
                   {"spec",
                    {{"paramKind", {{"apiVersion", "v1"}, {"kind", "ConfigMap"}}},
                     {"matchConstraints",
                      {{"resourceRules",
                        {{{"operations", {"CREATE"}},
                          {"apiGroups", {""}},
                          {"apiVersions", {"v1"}},
                          {"resources", {"configmaps"}}}}}}}}}};
    policy["spec"].update(spec);
    const Answer made = Post(path + "ies", policy.dump());
    ASSERT_EQ(made.code, 201) << made.message();
    const Json binding = {{"metadata", {{"name", "b"}}},
                          {"spec",
                           {{"policyName", "p"},
                            {"validationActions", {"Deny"}},
                            {"paramRef",
                             {{"selector", {{"matchLabels", {{"param", "yes"}}}}},
                              {"parameterNotFoundAction", "Deny"}}}}}};
    const Answer bound = Post(path + "ybindings", binding.dump());
    ASSERT_EQ(bound.code, 201) << bound.message();
  }
};

TEST_F(ManyParamsTest, NoMoreOfThemIsReadThanARequestMayHold) {
  constexpr size_t kBytes = 900'000;
  MakeParams(kParamBytesMax / kBytes + 1, kBytes);
  Bind({{"validations", {{{"expression", "params.data.size() == 1"}}}}});
  EXPECT_EQ(Make("x").message(),
            "configmaps \"x\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied "
            "request: failed to configure binding: the selector matches params of more than "
            "16777216 bytes");
  ASSERT_EQ(Ask("DELETE", std::string(kMaps) + "/param-0").code, 200);
  EXPECT_EQ(Make("x").code, 201);
}

// A member of ten bytes takes a hundred and more as a document.
TEST_F(ManyParamsTest, NoMoreOfTheirDocumentsIsHeldThanARequestMayHold) {
  Json data = Json::object();
  for (int i = 10'000; i < 80'000; ++i) data[std::to_string(i)] = "";
  const size_t bytes = data.dump().size();
  const size_t count = 10;
  ASSERT_LT(count * bytes, kParamBytesMax - count * 10'000);
  for (size_t i = 0; i < count; ++i) {
    ASSERT_EQ(Make("param-" + std::to_string(i), {{"param", "yes"}}, data).code, 201);
  }
  Bind({{"validations", {{{"expression", "params.data.size() > 1"}}}}});
  EXPECT_EQ(Make("x").message(),
            "configmaps \"x\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied "
            "request: failed to configure binding: the selector matches params of more than "
            "67108864 bytes");
  for (size_t i = count / 2; i < count; ++i) {
    ASSERT_EQ(Ask("DELETE", std::string(kMaps) + "/param-" + std::to_string(i)).code, 200);
  }
  EXPECT_EQ(Make("x").code, 201);
}

// As those are of all policies that change a request.
TEST_F(ManyParamsTest, WhatIsHeldOfSeveralBindingsCountsTogether) {
  ASSERT_EQ(Make("param", {}, {{"v", "x"}}).code, 201);
  const KindInfo& kind = core_v1::ConfigMap::Info();
  admissionregistration_v1::ParamRef ref;
  ref.name = "param";
  constexpr size_t kRoom = 10'000;
  size_t left = kRoom;
  const ParamsWanted wanted{
      .kind = &kind, .ref = &ref, .namespace_name = "default", .document_bytes_left = &left};
  const auto first = CollectParams(*store_, wanted);
  ASSERT_TRUE(first) << first.error().message;
  ASSERT_EQ(first->size(), 1u);
  ASSERT_LT(left, kRoom);
  left = kRoom - left - 1;  // For one a byte is missing.
  const auto second = CollectParams(*store_, wanted);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().message, "the selector matches params of more than 67108864 bytes");
}

TEST_F(ManyParamsTest, WhatIsPutDownOfThemHasAnEnd) {
  constexpr size_t kBytes = 10'000, kAnnotationsMax = 1 << 20;
  MakeParams(kAnnotationsMax / kBytes + 10, kBytes);
  Bind(Json::parse(
      R"j({"auditAnnotations": [{"key": "k", "valueExpression": "string(params.data.v)"}]})j"));
  ASSERT_EQ(Make("x").code, 201);
  Settle();
  const auto events = EventsOf(kMaps);
  ASSERT_TRUE(events.back()["annotations"].contains("p/k"));
  const std::string put_down = events.back()["annotations"]["p/k"];
  EXPECT_GT(put_down.size(), kAnnotationsMax - kBytes);
  EXPECT_LT(put_down.size(), kAnnotationsMax + 2 * kBytes);
}

}  // namespace
}  // namespace skiff
