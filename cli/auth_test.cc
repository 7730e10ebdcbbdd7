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

TEST_F(AuthTest, AListThatMayLackSomethingIsWarnedOf) {
  server_ = ServerOf("example.com", {},
                     {{"/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
                       R"({"status": {"incomplete": true, "evaluationError": "a webhook"}})"}});
  EXPECT_EQ(Run("auth", {"can-i", "--list", "--no-headers"}), 0) << err_;
  EXPECT_EQ(err_, "Warning: the list may be incomplete: a webhook\n");
}

}  // namespace
}  // namespace skiff::cli
