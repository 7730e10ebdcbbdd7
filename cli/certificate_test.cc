#include "cli/program_fixture.h"

namespace skiff::cli {
namespace {

using CertificateVerbTest = ProgramTest;

TEST_F(CertificateVerbTest, ARequestThatSomebodyElseWritesIsJudgedAsItIsThen) {
  int version = 7;
  std::vector<std::string> sent;
  server_ = [&](const http::Request& request) {
    http::Response response;
    response.status = 200;
    response.body =
        R"({"kind": "CertificateSigningRequest", "apiVersion": "certificates.k8s.io/v1",
            "metadata": {"name": "r", "resourceVersion": ")" +
        std::to_string(version) + "\"}}";
    if (request.method != "PUT") return response;
    const Json body = Json::parse(request.body);
    sent.push_back(body["metadata"]["resourceVersion"].get<std::string>());
    if (version == 7) {
      response.status = 409;
      response.body = R"({"kind": "Status", "reason": "Conflict", "message": "changed"})";
      version = 8;
    }
    return response;
  };
  EXPECT_EQ(Run("certificate", {"approve", "r"}), 0) << err_;
  EXPECT_EQ(out_, "certificatesigningrequest.certificates.k8s.io/r approved\n");
  EXPECT_EQ(sent, (std::vector<std::string>{"7", "8"}));
}

}  // namespace
}  // namespace skiff::cli
