#include "cli/program_fixture.h"

namespace skiff::cli {
namespace {

class CreateTokenTest : public ProgramTest {};

TEST_F(CreateTokenTest, ManagedFieldsAreShownToWhoAsksForThem) {
  server_ = [](const http::Request& request) {
    http::Response response;
    if (request.path == "/api") {
      response.body = R"({"versions": ["v1"]})";
    } else if (request.path == "/apis") {
      response.body = R"({"groups": []})";
    } else if (request.path == "/api/v1") {
      response.body = R"({"resources": [{"name": "serviceaccounts", "kind": "ServiceAccount",
                                         "namespaced": true, "verbs": ["get"]}]})";
    } else {
      EXPECT_EQ(request.path, "/api/v1/namespaces/default/serviceaccounts/default/token");
      response.status = 201;
      response.body = R"({"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1",
          "metadata": {"name": "default", "managedFields": [{"manager": "kubectl"}]},
          "status": {"token": "secret"}})";
    }
    return response;
  };
  ASSERT_EQ(Run("create", {"token", "default", "-o", "yaml"}), 0) << err_;
  EXPECT_EQ(out_.find("managedFields"), std::string::npos) << out_;
  EXPECT_NE(out_.find("token: secret"), std::string::npos) << out_;
  ASSERT_EQ(Run("create", {"token", "default", "-o", "yaml", "--show-managed-fields"}), 0);
  EXPECT_NE(out_.find("manager: kubectl"), std::string::npos) << out_;
}

}  // namespace
}  // namespace skiff::cli
