#include "cli/prune/objects_fixture.h"

namespace skiff::cli {
namespace {

class PatchTest : public ObjectsTest {
 protected:
  static constexpr char kWeb[] = "/apis/apps/v1/namespaces/default/deployments/web";
};

// What has not changed is told by the subresource, which is no Deployment.
TEST_F(PatchTest, ASubresourceThatStaysAsItIsSaysSo) {
  Put(kWeb, {{"kind", "Deployment"}, {"apiVersion", "apps/v1"}});
  objects_[std::string(kWeb) + "/scale"] = {
      {"kind", "Scale"},
      {"apiVersion", "autoscaling/v1"},
      {"metadata", {{"name", "scale"}, {"namespace", "default"}, {"uid", "u"}}},
      {"spec", {{"replicas", 2}}}};
  const auto scaled = [this](const char* patch) {
    EXPECT_EQ(Run("patch", {"deploy/web", "--subresource=scale", "--type=merge", "-p", patch}), 0)
        << err_;
    return out_;
  };
  EXPECT_EQ(scaled(R"({"spec":{"replicas":3}})"), "scale.autoscaling/scale patched\n");
  EXPECT_EQ(scaled(R"({"spec":{"replicas":3}})"), "scale.autoscaling/scale patched (no change)\n");
  objects_.erase(kWeb);
  EXPECT_EQ(scaled(R"({"spec":{"replicas":4}})"), "scale.autoscaling/scale patched\n")
      << "who may scale need not read what it is of";
}

TEST_F(PatchTest, AKindThatTakesNoPatchOfThatTypeIsNamed) {
  Put(kWeb, {{"kind", "Deployment"}, {"apiVersion", "apps/v1"}});
  server_ = [inner = server_](const http::Request& request) {
    if (request.method != "PATCH") return inner(request);
    http::Response refused;
    refused.status = 415;
    refused.body = R"({"kind": "Status", "status": "Failure", "reason": "UnsupportedMediaType",
                       "message": "not here", "code": 415})";
    return refused;
  };
  EXPECT_EQ(Run("patch", {"deploy/web", "-p", "{}"}), 1);
  EXPECT_EQ(err_, "error: application/strategic-merge-patch+json is not supported by apps/v1, "
                  "Kind=Deployment: not here\n");
}

TEST_F(PatchTest, LocalIsForFilesAlone) {
  Put(kWeb, {{"kind", "Deployment"}, {"apiVersion", "apps/v1"}});
  EXPECT_EQ(Run("patch", {"deploy/web", "--local", "-p", "{}"}), 1);
  EXPECT_EQ(err_, "error: cannot specify --local and server resources\n");
  EXPECT_EQ(out_, "");
}

}  // namespace
}  // namespace skiff::cli
