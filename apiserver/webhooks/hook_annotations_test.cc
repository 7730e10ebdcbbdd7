// What the audit log says of webhooks.
#include <gtest/gtest.h>

#include "api/codec/base64.h"
#include "apiserver/audit/audit_test_log.h"
#include "apiserver/webhooks/hook_fixture.h"

namespace skiff {
namespace {

class AuditedHookTest : public AuditTestLog, public HookFixture, public http::Handler {
 protected:
  static constexpr const char* kMaps = "/api/v1/namespaces/default/configmaps";

  AuditedHookTest()
      : HookFixture(Options("[{level: Request, resources: [{group: '', resources: [configmaps]}]}]",
                            "omitStages: [RequestReceived]")) {
    StartHook(*this);
  }
  ~AuditedHookTest() override { StopHook(); }

  // Each does what its path says.
  http::Response Handle(const http::Request& request) override {
    const Json review = Json::parse(request.body);
    Json says = {{"allowed", true}};
    if (request.path == "/labels") {
      says["patchType"] = "JSONPatch";
      says["patch"] = EncodeBase64(R"([{"op":"add","path":"/data/b","value":"c"}])");
    }
    if (request.path == "/notes") {
      says["auditAnnotations"] = {{"seen", "yes"}, {"a/b c", "v"}, {"b/c", "v"}, {"", "v"}};
    }
    http::Response answer = Says(review, says);
    if (request.path == "/broken") answer.status = 500;
    return answer;
  }
  Json Ignored(const std::string& name) { return Hook(name, {{"failurePolicy", "Ignore"}}); }
};

TEST_F(AuditedHookTest, WhoChangedTheObjectWhoFailedAndWhatTheySay) {
  Configure("mutatingwebhookconfigurations", "all", {Ignored("broken"), Ignored("labels")});
  Configure("validatingwebhookconfigurations", "all", {Ignored("notes"), Ignored("broken")});
  ASSERT_EQ(Post(kMaps, R"({"metadata": {"name": "m"}, "data": {"a": "b"}})").code, 201);
  Settle();
  const auto events = EventsOf(kMaps);
  ASSERT_EQ(events.size(), 1u);
  const Json& notes = events[0]["annotations"];
  const std::string place = "webhook.admission.k8s.io/round_0_index_";
  EXPECT_EQ(notes["mutation." + place + "0"],
            R"({"configuration":"all","webhook":"broken.example.com","mutated":false})");
  EXPECT_EQ(notes["failed-open.mutation." + place + "0"], "broken.example.com");
  EXPECT_EQ(notes["mutation." + place + "1"],
            R"({"configuration":"all","webhook":"labels.example.com","mutated":true})");
  EXPECT_EQ(notes["patch." + place + "1"],
            R"({"configuration":"all","webhook":"labels.example.com","patch":[{"op":"add",)"
            R"("path":"/data/b","value":"c"}],"patchType":"JSONPatch"})");
  EXPECT_FALSE(notes.contains("patch." + place + "0"));
  EXPECT_EQ(notes["failed-open.validating." + place + "1"], "broken.example.com");
  EXPECT_EQ(notes["notes.example.com/seen"], "yes");
  for (const char* key : {"a/b c", "b/c", ""}) {
    EXPECT_FALSE(notes.contains(std::string("notes.example.com/") + key)) << key;
  }
  EXPECT_EQ(events[0]["requestObject"]["data"], Json({{"a", "b"}})) << "as the client sent it";
}

}  // namespace
}  // namespace skiff
