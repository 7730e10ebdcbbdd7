// How long a token outlives what it is bound to.
#include <gtest/gtest.h>

#include "apiserver/auth/service_accounts.h"
#include "apiserver/server_fixture.h"

namespace skiff {
namespace {

class BoundTokensTest : public ServerFixture {
 protected:
  std::string TokenFor(const std::string& kind, const std::string& name) {
    const auto made = Post("/api/v1/namespaces/default/serviceaccounts/default/token",
                           R"({"spec": {"boundObjectRef": {"kind": ")" + kind +
                               R"(", "apiVersion": "v1", "name": ")" + name + R"("}}})");
    EXPECT_EQ(made.code, 201) << made.message();
    return made.body["status"]["token"];
  }
  int WhoAmI(const std::string& token) {
    return Ask("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", "{}", "", token).code;
  }
};

TEST_F(BoundTokensTest, ATokenEndsAMinuteAfterItsObjectWasToEnd) {
  const std::string secrets = "/api/v1/namespaces/default/secrets";
  ASSERT_EQ(Post(secrets, R"({"metadata": {"name": "s", "finalizers": ["a.io/b"]}})").code, 201);
  const std::string token = TokenFor("Secret", "s");
  EXPECT_EQ(WhoAmI(token), 201);
  ASSERT_EQ(Ask("DELETE", secrets + "/s").code, 200);
  ASSERT_EQ(Get(secrets + "/s").code, 200) << "its finalizer keeps it";
  clock_.Advance(59s);
  EXPECT_EQ(WhoAmI(token), 201);
  clock_.Advance(2s);
  EXPECT_EQ(WhoAmI(token), 401);
}

TEST_F(BoundTokensTest, ATokenEndsAtOnceWithAnObjectThatIsGoneOrAnotherOne) {
  const std::string secrets = "/api/v1/namespaces/default/secrets";
  ASSERT_EQ(Post(secrets, R"({"metadata": {"name": "s"}})").code, 201);
  const std::string token = TokenFor("Secret", "s");
  ASSERT_EQ(Ask("DELETE", secrets + "/s").code, 200);
  EXPECT_EQ(WhoAmI(token), 401);
  ASSERT_EQ(Post(secrets, R"({"metadata": {"name": "s"}})").code, 201);
  EXPECT_EQ(WhoAmI(token), 401);
}

TEST_F(BoundTokensTest, ATokenIsGoodAMinuteLongerThanItSays) {
  const auto made = Post("/api/v1/namespaces/default/serviceaccounts/default/token",
                         R"({"spec": {"expirationSeconds": 600}})");
  const std::string token = made.body["status"]["token"];
  clock_.Advance(659s);
  EXPECT_EQ(WhoAmI(token), 201);
  clock_.Advance(2s);
  EXPECT_EQ(WhoAmI(token), 401);
}

}  // namespace
}  // namespace skiff
