#include "apiserver/tokens/authentication_configuration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apiserver/tokens/issued_token.h"

namespace skiff {
namespace {

using testing::HasSubstr;

constexpr const char* kFileHead =
    "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\n";

// What is wrong with a file of one issuer.
std::string WrongWith(const std::string& issuer, const std::string& mappings,
                      const std::string& more = "") {
  auto read =
      ReadAuthenticationConfiguration(std::string(kFileHead) + "jwt:\n- issuer: {" + issuer +
                                      "}\n  claimMappings: {" + mappings + "}\n" + more);
  if (!read) return read.error().message;
  return PrepareAuthentication(*read).empty() ? "" : PrepareAuthentication(*read).Text();
}

constexpr const char* kIssuer = "url: https://example.com, audiences: [us]";
constexpr const char* kMappings = "username: {claim: sub, prefix: \"\"}";

TEST(AuthenticationConfiguration, IsReadStrictly) {
  const auto error = [](const std::string& text) {
    const auto read = ReadAuthenticationConfiguration(text);
    return read ? std::string() : read.error().message;
  };
  EXPECT_EQ(error(kFileHead), "");
  EXPECT_EQ(error(""), "empty config data");
  EXPECT_EQ(error(std::string(kFileHead) + "foo: 1\njwt: [{issuer: {bar: 1}}]\n"),
            "strict decoding error: unknown field \"foo\", unknown field \"jwt[0].issuer.bar\"");
  EXPECT_THAT(error(std::string(kFileHead) + "jwt: [{issuer: {audiences: x}}]\n"),
              HasSubstr("cannot unmarshal string into Go struct field"));
  EXPECT_THAT(error("kind: X\napiVersion: apiserver.config.k8s.io/v1\n"),
              HasSubstr("no kind \"X\" is registered"));
  EXPECT_THAT(error("apiVersion: apiserver.config.k8s.io/v1\n"), HasSubstr("'Kind' is missing"));
}

TEST(AuthenticationConfiguration, IsCheckedInKubernetesWords) {
  EXPECT_EQ(WrongWith(kIssuer, kMappings), "");
  EXPECT_EQ(WrongWith("url: http://example.com, audiences: [us]", kMappings),
            "jwt[0].issuer.url: Invalid value: \"http://example.com\": URL scheme must be https");
  EXPECT_EQ(WrongWith("url: https://example.com", kMappings),
            "jwt[0].issuer.audiences: Required value: at least one jwt[0].issuer.audiences is "
            "required");
  EXPECT_EQ(WrongWith(kIssuer, "username: {claim: sub}"),
            "jwt[0].claimMappings.username.prefix: Required value: prefix is required when claim "
            "is set. It can be set to an empty string to disable prefixing");
  EXPECT_EQ(WrongWith(kIssuer, "username: {expression: claims.email}"),
            "jwt[0].claimMappings.username.expression: Invalid value: \"claims.email\": "
            "claims.email_verified must be used in claimMappings.username.expression or "
            "claimMappings.extra[*].valueExpression or claimValidationRules[*].expression when "
            "claims.email is used in claimMappings.username.expression");
  EXPECT_EQ(WrongWith(kIssuer, kMappings, "  userValidationRules: [{expression: user.username}]\n"),
            "jwt[0].userValidationRules[0].expression: Invalid value: \"user.username\": must "
            "evaluate to bool");
  EXPECT_THAT(WrongWith(kIssuer, "username: {expression: claims.}"),
              HasSubstr("compilation failed: ERROR: <input>:1:8: Syntax error"));
  EXPECT_THAT(WrongWith(kIssuer, std::string(kMappings) +
                                     ", extra: [{key: a.k8s.io/b, valueExpression: \"'x'\"}]"),
              HasSubstr("k8s.io, kubernetes.io and their subdomains are reserved"));
}

// Of a configuration and claims, as texts.
Result<User> UserOfFile(const std::string& mappings, const std::string& claims,
                        const std::string& more = "") {
  auto read =
      ReadAuthenticationConfiguration(std::string(kFileHead) + "jwt:\n- issuer: {" + kIssuer +
                                      "}\n  claimMappings: {" + mappings + "}\n" + more);
  if (!read) return Fail(read.error());
  const Violations wrong = PrepareAuthentication(*read);
  if (!wrong.empty()) return Fail(Reason::kInvalid, wrong.Text());
  return UserOfClaims(read->jwt[0], Json::parse(claims));
}

std::string NameOf(const std::string& expression, const std::string& claims) {
  const auto user = UserOfFile("username: {expression: \"" + expression + "\"}", claims);
  return user ? user->name : user.error().message;
}

TEST(UserOfClaims, ExpressionsSeeClaimsAsGoReadsThem) {
  EXPECT_EQ(NameOf("claims.a.b", R"({"a": {"b": "x"}})"), "x");
  EXPECT_EQ(NameOf("claims.?a.orValue('none')", "{}"), "none");
  EXPECT_EQ(NameOf("string(type(claims.n) == double)", R"({"n": 7})"), "true");
  EXPECT_EQ(NameOf("claims.a == null ? 'null' : 'some'", R"({"a": null})"), "null");
  EXPECT_EQ(NameOf("claims.foo__dash__bar + claims.__in__.x__dot__y",
                   R"({"foo-bar": "a", "in": {"x.y": "b"}})"),
            "ab");
  EXPECT_EQ(NameOf("string(has(claims.a__dot__b))", R"({"a.b": 1})"), "true");
  EXPECT_THAT(NameOf("claims.missing", "{}"), HasSubstr("no such key"));
  EXPECT_THAT(NameOf("claims.n", R"({"n": 7})"), HasSubstr("must return a string"));
  EXPECT_THAT(NameOf("''", "{}"), HasSubstr("empty username"));
}

TEST(UserOfClaims, ClaimsMakeAUser) {
  const auto user = UserOfFile(
      "username: {claim: sub, prefix: \"u:\"}, groups: {claim: groups, "
      "prefix: \"g:\"}, uid: {claim: id}, extra: [{key: e.com/x, "
      "valueExpression: claims.list}]",
      R"({"sub": "me", "groups": ["a", "b"], "id": "7", "jti": "t",
                               "list": ["1", "", "2"]})");
  ASSERT_TRUE(user) << user.error().message;
  EXPECT_EQ(*user, (User{.name = "u:me",
                         .uid = "7",
                         .groups = {"g:a", "g:b"},
                         .extra = {{"authentication.kubernetes.io/credential-id", {"JTI=t"}},
                                   {"e.com/x", {"1", "2"}}}}));
}

TEST(UserOfClaims, AMailAddressThatIsNotVerifiedIsRefused) {
  const std::string mappings = "username: {claim: email, prefix: \"\"}";
  EXPECT_TRUE(UserOfFile(mappings, R"({"email": "a@b"})"));
  EXPECT_TRUE(UserOfFile(mappings, R"({"email": "a@b", "email_verified": true})"));
  EXPECT_FALSE(UserOfFile(mappings, R"({"email": "a@b", "email_verified": false})"));
  EXPECT_FALSE(UserOfFile(mappings, R"({"email": "a@b", "email_verified": "true"})"));
}

TEST(UserOfClaims, ExpressionsAreBoundedInCost) {
  Json list = Json::array();
  for (int i = 0; i < 3000; ++i) list.push_back("x");
  const auto user = UserOfFile(
      "username: {expression: \"dyn(claims.l).map(a, dyn(claims.l).map(b, a + "
      "b))[0][0]\"}",
      Json{{"l", list}}.dump());
  ASSERT_FALSE(user);
  EXPECT_THAT(user.error().message, HasSubstr("actual cost limit exceeded"));
}

TEST(UserOfClaims, RulesSayWhy) {
  const std::string rules =
      "  claimValidationRules: [{expression: \"claims.hd == 'ours'\", message: not ours}]\n"
      "  userValidationRules:\n"
      "  - {expression: \"!user.username.startsWith('system:')\", message: theirs}\n";
  EXPECT_TRUE(UserOfFile(kMappings, R"({"sub": "me", "hd": "ours"})", rules));
  const auto elsewhere = UserOfFile(kMappings, R"({"sub": "me", "hd": "x"})", rules);
  EXPECT_EQ(elsewhere.error().message,
            "oidc: error evaluating claim validation expression: validation expression 'claims.hd "
            "== 'ours'' failed: not ours");
  EXPECT_FALSE(UserOfFile(kMappings, R"({"sub": "system:x", "hd": "ours"})", rules));
}

}  // namespace
}  // namespace skiff
