#include "apiserver/authorization/authorization_configuration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace skiff {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kFileHead =
    "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthorizationConfiguration\n";

std::string ErrorIn(const std::string& authorizers, const std::vector<std::string>& required = {}) {
  const auto loaded =
      LoadAuthorization(std::string(kFileHead) + "authorizers: " + authorizers, required);
  return loaded ? "" : loaded.error().message;
}

// Of one webhook that has these fields.
std::string WrongWith(const std::string& fields) {
  return ErrorIn("[{type: Webhook, name: a, webhook: {" + fields + "}}]");
}

constexpr const char* kWebhook =
    "timeout: 3s, subjectAccessReviewVersion: v1, failurePolicy: Deny, "
    "connectionInfo: {type: KubeConfigFile, kubeConfigFile: /etc/passwd}";

std::string With(const std::string& more) {
  return std::string(kWebhook) + ", " + more;
}
std::string Without(const std::string& field, const std::string& instead) {
  std::string fields = kWebhook;
  const size_t at = fields.find(field);
  return fields.replace(at, field.size(), instead);
}

TEST(AuthorizationConfiguration, HasDefaults) {
  const auto loaded = LoadAuthorization(std::string(kFileHead) +
                                            "authorizers: [{type: Webhook, name: a, webhook: {" +
                                            kWebhook + "}}, {type: RBAC, name: rbac}]",
                                        {"RBAC"});
  ASSERT_TRUE(loaded) << loaded.error().message;
  const AccessWebhookConfiguration& webhook = *loaded->authorizers[0].webhook;
  EXPECT_EQ(webhook.authorized_ttl, Duration(5min));
  EXPECT_EQ(webhook.unauthorized_ttl, Duration(30s));
  EXPECT_TRUE(webhook.caches_authorized && webhook.caches_unauthorized);
  EXPECT_EQ(webhook.timeout, Duration(3s));
  EXPECT_TRUE(loaded->Has("RBAC"));
  EXPECT_FALSE(loaded->Has("Node"));
  EXPECT_EQ(WrongWith(With("cacheAuthorizedRequests: false, authorizedTTL: 1h")), "");
}

TEST(AuthorizationConfiguration, IsReadStrictly) {
  const auto error = [](const std::string& text) {
    const auto read = ReadAuthorizationConfiguration(text);
    return read ? std::string() : read.error().message;
  };
  for (const char* version : {"v1", "v1beta1", "v1alpha1"}) {
    EXPECT_EQ(error(std::string("kind: AuthorizationConfiguration\napiVersion: "
                                "apiserver.config.k8s.io/") +
                    version),
              "");
  }
  EXPECT_EQ(error(std::string(kFileHead) + "foo: 1\nauthorizers: [{webhook: {bar: 1}}]\n"),
            "strict decoding error: unknown field \"authorizers[0].webhook.bar\", unknown field "
            "\"foo\"");
  EXPECT_THAT(error(std::string(kFileHead) + "authorizers: [{webhook: {timeout: 3}}]\n"),
              HasSubstr("cannot unmarshal number into Go struct field"));
  EXPECT_EQ(error(std::string(kFileHead) + "authorizers: [{webhook: {timeout: soon}}]\n"),
            "time: invalid duration \"soon\"");
  EXPECT_EQ(error("kind: AuthenticationConfiguration\napiVersion: apiserver.config.k8s.io/v1\n"),
            "expected AuthorizationConfiguration, got *apiserver.AuthenticationConfiguration");
  EXPECT_THAT(ErrorIn("x"), StartsWith("failed to load AuthorizationConfiguration from file: "));
}

TEST(AuthorizationConfiguration, SaysInKubernetesWordsWhichAuthorizersCannotBe) {
  EXPECT_EQ(ErrorIn("[]"),
            "authorizers: Required value: at least one authorization mode must be defined");
  EXPECT_EQ(ErrorIn("[{name: a}]"), "authorizers[0].type: Required value");
  EXPECT_EQ(ErrorIn("[{type: Foo, name: foo}]"),
            "authorizers[0].type: Unsupported value: \"Foo\": supported values: \"ABAC\", "
            "\"AlwaysAllow\", \"AlwaysDeny\", \"Node\", \"RBAC\", \"Webhook\"");
  EXPECT_EQ(ErrorIn("[{type: RBAC, name: rbac}, {type: RBAC, name: b}]"),
            "authorizers[1].type: Duplicate value: \"RBAC\"");
  EXPECT_EQ(ErrorIn("[{type: RBAC}]"), "authorizers[0].name: Required value");
  EXPECT_EQ(ErrorIn("[{type: RBAC, name: a}, {type: Node, name: a}]"),
            "authorizers[1].name: Duplicate value: \"a\"");
  EXPECT_THAT(ErrorIn("[{type: RBAC, name: A_}]"),
              StartsWith("authorizers[0].name: Invalid value: \"A_\": authorizer name is invalid: "
                         "a lowercase RFC 1123 subdomain must"));
  EXPECT_EQ(ErrorIn("[{type: Webhook, name: a}]"),
            "authorizers[0].webhook: Required value: required when type=Webhook");
  EXPECT_EQ(ErrorIn("[{type: RBAC, name: rbac, webhook: {}}]"),
            "authorizers[0].webhook: Invalid value: \"non-null\": may only be specified when "
            "type=Webhook");
  EXPECT_EQ(ErrorIn("[{type: RBAC, name: mine}]"),
            "expected name rbac for authorizer RBAC instead of mine");
  EXPECT_EQ(ErrorIn("[{type: RBAC, name: rbac}]", {"ABAC", "Node", "RBAC"}),
            "missing required types: [ABAC Node]");
}

TEST(AuthorizationConfiguration, SaysInKubernetesWordsWhatAWebhookCannotBe) {
  EXPECT_EQ(WrongWith(kWebhook), "");
  EXPECT_EQ(WrongWith(""),
            "[authorizers[0].timeout: Required value, "
            "authorizers[0].subjectAccessReviewVersion: Required value, "
            "authorizers[0].failurePolicy: Required value, "
            "authorizers[0].connectionInfo.type: Required value]");
  for (const char* timeout : {"31s", "-1s"}) {
    EXPECT_EQ(WrongWith(Without("timeout: 3s", std::string("timeout: ") + timeout)),
              std::string("authorizers[0].timeout: Invalid value: \"") + timeout +
                  "\": must be > 0s and <= 30s");
  }
  EXPECT_EQ(WrongWith(With("authorizedTTL: -1m")),
            "authorizers[0].authorizedTTL: Invalid value: \"-1m0s\": must be > 0s");
  EXPECT_EQ(WrongWith(Without("Version: v1", "Version: v2")),
            "authorizers[0].subjectAccessReviewVersion: Unsupported value: \"v2\": supported "
            "values: \"v1\", \"v1beta1\"");
  EXPECT_EQ(WrongWith(With("matchConditionSubjectAccessReviewVersion: v1beta1")),
            "authorizers[0].matchConditionSubjectAccessReviewVersion: Unsupported value: "
            "\"v1beta1\": supported values: \"v1\"");
  EXPECT_EQ(WrongWith(Without("Policy: Deny", "Policy: Allow")),
            "authorizers[0].failurePolicy: Unsupported value: \"Allow\": supported values: "
            "\"NoOpinion\", \"Deny\"");
  const auto connection = [](const std::string& fields) {
    return WrongWith(Without("type: KubeConfigFile, kubeConfigFile: /etc/passwd", fields));
  };
  const std::string at = "authorizers[0].connectionInfo.kubeConfigFile: ";
  EXPECT_EQ(connection("type: KubeConfigFile"), at + "Required value");
  EXPECT_EQ(connection("type: KubeConfigFile, kubeConfigFile: a"),
            at + "Invalid value: \"a\": must be an absolute path");
  EXPECT_EQ(connection("type: KubeConfigFile, kubeConfigFile: /nowhere"),
            at + "Invalid value: \"/nowhere\": error loading file: stat /nowhere: no such file or "
                 "directory");
  EXPECT_EQ(connection("type: KubeConfigFile, kubeConfigFile: /etc"),
            at + "Invalid value: \"/etc\": must be a regular file");
  EXPECT_EQ(connection("type: InClusterConfig, kubeConfigFile: /etc"),
            at + "Invalid value: \"/etc\": can only be set when type=KubeConfigFile");
  EXPECT_THAT(connection("type: Foo"),
              StartsWith("authorizers[0].connectionInfo.type: Unsupported value: "));
}

TEST(AuthorizationConfiguration, CompilesConditions) {
  const auto conditions = [](const std::string& expressions) {
    return WrongWith(With("matchConditionSubjectAccessReviewVersion: v1, matchConditions: [" +
                          expressions + "]"));
  };
  EXPECT_EQ(conditions("{expression: \"has(request.resourceAttributes) && "
                       "request.resourceAttributes.labelSelector.requirements.exists(r, "
                       "r.key == 'a' && r.operator == 'In' && 'b' in r.values)\"}, "
                       "{expression: \"request.extra.all(k, request.extra[k].size() > 0) && "
                       "request.nonResourceAttributes.path != '' && 'g' in request.groups\"}"),
            "");
  const std::string at = "authorizers[0].matchConditions[0].expression: ";
  EXPECT_EQ(conditions("{expression: ' '}"), at + "Required value");
  EXPECT_EQ(conditions("{expression: request.user}"),
            at + "Invalid value: \"request.user\": must evaluate to bool but got string");
  EXPECT_THAT(conditions("{expression: request.foo}"),
              StartsWith(at + "Invalid value: \"request.foo\": compilation failed: ERROR: "
                              "<input>:1:8: undefined field 'foo'"));
  EXPECT_EQ(conditions("{expression: 'true'}, {expression: 'true'}"),
            "authorizers[0].matchConditions[1].expression: Duplicate value: \"true\"");
  std::string many;
  for (int i = 0; i < 65; ++i) many += "{expression: 'true'},";
  EXPECT_EQ(conditions(many),
            "authorizers[0].matchConditions: Too many: 65: must have at most 64 items");
  EXPECT_EQ(WrongWith(With("matchConditions: [{expression: 'true'}]")),
            "authorizers[0].matchConditionSubjectAccessReviewVersion: Required value: required if "
            "match conditions are specified");
}

}  // namespace
}  // namespace skiff
