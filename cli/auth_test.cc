#include <gtest/gtest.h>

#include "cli/program_fixture.h"

namespace skiff::cli {
namespace {

class AuthTest : public ProgramTest {};

TEST_F(AuthTest, WhoIAmAsJsonStandsInKubectlsOrder) {
  server_ = ServerOf("example.com", {},
                     {{"/apis/authentication.k8s.io/v1/selfsubjectreviews",
                       R"({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview",
            "status": {"userInfo": {"extra": {"a": []}, "groups": [], "username": "me"}}})"}});
  EXPECT_EQ(Run("auth", {"whoami", "-o", "json"}), 0) << err_;
  EXPECT_EQ(out_, R"({
    "kind": "SelfSubjectReview",
    "apiVersion": "authentication.k8s.io/v1",
    "status": {
        "userInfo": {
            "username": "me",
            "groups": [],
            "extra": {
                "a": []
            }
        }
    }
}
)");
}

}  // namespace
}  // namespace skiff::cli
