// What a PodSecurityConfiguration says, and how labels of a namespace go with it.
#include "apiserver/admission/pod_security_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "api/text/yaml.h"
#include "apiserver/admission/configuration.h"
#include "apiserver/server/server_fixture.h"

namespace skiff {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kPodSecurityHead =
    "apiVersion: pod-security.admission.config.k8s.io/v1\nkind: PodSecurityConfiguration\n";

Result<PodSecuritySettings> Settings(const std::string& yaml) {
  return ReadPodSecuritySettings(kPodSecurityHead + yaml);
}

TEST(PodSecuritySettingsTest, DefaultsAndExemptionsAreRead) {
  const auto read = Settings(
      "defaults: {enforce: baseline, enforce-version: v1.30, warn: restricted}\n"
      "exemptions: {usernames: [ci], namespaces: [kube-system], runtimeClasses: [kata]}\n");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->defaults.enforce.Text(), "baseline:v1.30");
  EXPECT_EQ(read->defaults.warn.Text(), "restricted:latest");
  EXPECT_EQ(read->defaults.audit.Text(), "privileged:latest");
  EXPECT_THAT(read->exempt_users, ElementsAre("ci"));
  EXPECT_THAT(read->exempt_namespaces, ElementsAre("kube-system"));
  EXPECT_THAT(read->exempt_runtime_classes, ElementsAre("kata"));
}

// What kube-apiserver v1.35.6 ended with.
TEST(PodSecuritySettingsTest, WhatIsWrongIsSaidInKubernetesWords) {
  const std::string decoding = "couldn't init admission plugin \"PodSecurity\": ";
  const std::string judging = "failed to initialize admission plugin \"PodSecurity\": ";
  const auto error = [](const std::string& yaml) { return Settings(yaml).error().message; };
  EXPECT_EQ(error("defaults: {enforce: strict}\nexemptions: {namespaces: [a, a]}\n"),
            judging +
                "PodSecurity configuration error: enforce: must be one of privileged, baseline, "
                "restricted");
  EXPECT_EQ(error("defaults: {warn-version: v1.01, audit: x}\n"),
            judging +
                "PodSecurity configuration error: [audit: must be one of privileged, baseline, "
                "restricted, warn-version: must be \"latest\" or \"v1.x\"]");
  EXPECT_EQ(error("exemptions: {namespaces: [a, a]}\n"),
            judging + "PodSecurity invalid: exemptions.namespaces[1]: Duplicate value: \"a\"");
  EXPECT_EQ(error("exemptions: {usernames: [\"\"]}\n"),
            judging +
                "PodSecurity invalid: exemptions.usernames[0]: Invalid value: \"\": username must "
                "not be empty");
  EXPECT_EQ(error("defaults: {foo: 1}\nexemptions: {users: [ci]}\n"),
            decoding +
                "strict decoding error: unknown field \"defaults.foo\", unknown field "
                "\"exemptions.users\"");
  EXPECT_EQ(error("defaults: {enforce: 3}\n"),
            decoding +
                "json: cannot unmarshal number into Go struct field PodSecurityDefaults.defaults."
                "enforce of type string");
  EXPECT_EQ(error("exemptions: {usernames: x}\n"),
            decoding +
                "json: cannot unmarshal string into Go struct field PodSecurityExemptions."
                "exemptions.usernames of type []string");
  EXPECT_EQ(ReadPodSecuritySettings("{}").error().message,
            decoding + "Object 'Kind' is missing in '{}'");
  EXPECT_FALSE(ReadPodSecuritySettings("text"));
}

PodSecurityPolicies Labelled(const std::map<std::string, std::string>& labels,
                             const PodSecurityPolicies& defaults = {}) {
  std::map<std::string, std::string> whole;
  for (const auto& [mode, value] : labels) whole["pod-security.kubernetes.io/" + mode] = value;
  Violations wrong;
  return PoliciesOf(whole, defaults, wrong);
}

TEST(PodSecuritySettingsTest, WhoEnforcesMoreThanHeIsWarnedOfIsWarned) {
  EXPECT_EQ(Labelled({{"enforce", "baseline"}}).warn.Text(), "baseline:latest");
  EXPECT_EQ(Labelled({{"enforce", "baseline"}, {"enforce-version", "v1.30"}}).warn.Text(),
            "baseline:v1.30");
  EXPECT_EQ(Labelled({{"enforce", "baseline"},
                      {"enforce-version", "v1.30"},
                      {"warn-version", "v1.28"}})
                .warn.Text(),
            "baseline:v1.28");
  EXPECT_EQ(Labelled({{"enforce", "nonsense"}}).enforce.Text(), "restricted:latest");
  EXPECT_EQ(Labelled({{"enforce", "nonsense"}}).warn.Text(), "privileged:latest")
      << "of what nobody asked for nobody is warned";
  PodSecurityPolicies defaults;
  defaults.warn.level = SecurityLevel::kRestricted;
  EXPECT_EQ(Labelled({{"enforce", "baseline"}}, defaults).warn.Text(), "restricted:latest");
  EXPECT_EQ(Labelled({}, defaults).warn.Text(), "restricted:latest");
  EXPECT_EQ(Labelled({{"audit", "nonsense"}}).audit.Text(), "privileged:latest");
  EXPECT_EQ(Labelled({{"audit", "baseline"}, {"audit-version", "v1.0"}}).audit.Text(),
            "baseline:v1.0");
  EXPECT_EQ(Labelled({{"audit", "baseline"}, {"audit-version", "v1.-0"}}).audit.Text(),
            "baseline:latest");
}

class PodSecurityPluginTest : public ServerFixture {
 protected:
  PodSecurityPluginTest() {
    ApiServerOptions options{.token_file_text = "ci,ci,2\ndev,dev,3\n"};
    options.admission_settings.pod_security =
        *Settings("defaults: {enforce: baseline, warn: restricted}\n"
                  "exemptions: {usernames: [ci], namespaces: [free], runtimeClasses: [kata]}\n");
    strict_ = *ApiServer::Create(std::move(options), {*store_, clock_, random_});
    for (const char* name : {"free", "plain"}) {
      Post("/api/v1/namespaces", fmt::format(R"({{"metadata": {{"name": "{}"}}}})", name));
      Post(fmt::format("/api/v1/namespaces/{}/serviceaccounts", name),
           R"({"metadata": {"name": "default"}})");
    }
    Post("/apis/node.k8s.io/v1/runtimeclasses",
         R"({"metadata": {"name": "kata"}, "handler": "kata"})");
  }
  http::Response Create(const std::string& path, const Json& object,
                        const std::string& user = "dev") {
    http::Request request;
    request.method = "POST";
    request.path = request.target = path;
    request.headers.emplace("Authorization", "Bearer " + user);
    request.headers.emplace("Content-Type", "application/json");
    request.body = object.dump();
    return strict_->Handle(request);
  }
  static Json Pod(const std::string& name, const Json& more = Json::object()) {
    Json spec = {{"containers", {{{"name", "c"},
                                  {"image", "i"},
                                  {"securityContext", {{"privileged", true}}}}}}};
    spec.update(more);
    return {{"metadata", {{"name", name}}}, {"spec", std::move(spec)}};
  }
  std::unique_ptr<ApiServer> strict_;
};

TEST_F(PodSecurityPluginTest, DefaultsHoldWhereANamespaceHasNoLabels) {
  const auto refused = Create("/api/v1/namespaces/plain/pods", Pod("a"));
  EXPECT_EQ(refused.status, 403);
  EXPECT_THAT(refused.body, HasSubstr("violates PodSecurity \\\"baseline:latest\\\": privileged"));
  Json plain = Pod("b");
  plain["spec"]["containers"][0].erase("securityContext");
  const auto warned = Create("/api/v1/namespaces/plain/pods", plain);
  EXPECT_EQ(warned.status, 201);
  EXPECT_THAT(std::string(warned.Header("Warning")),
              HasSubstr("would violate PodSecurity \\\"restricted:latest\\\""));
}

TEST_F(PodSecurityPluginTest, WhoIsExemptMayDoAnything) {
  EXPECT_EQ(Create("/api/v1/namespaces/free/pods", Pod("a")).status, 201);
  EXPECT_EQ(Create("/api/v1/namespaces/plain/pods", Pod("b"), "ci").status, 201);
  EXPECT_EQ(
      Create("/api/v1/namespaces/plain/pods", Pod("c", {{"runtimeClassName", "kata"}})).status,
      201);
}

TEST_F(PodSecurityPluginTest, AnExemptNamespaceIsToldThatItsLabelsDoNothing) {
  http::Request request;
  request.method = "PATCH";
  request.path = request.target = "/api/v1/namespaces/free";
  request.headers.emplace("Authorization", "Bearer dev");
  request.headers.emplace("Content-Type", "application/merge-patch+json");
  request.body =
      R"({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}})";
  EXPECT_THAT(std::string(strict_->Handle(request).Header("Warning")),
              HasSubstr("namespace \\\"free\\\" is exempt from Pod Security, and the policy "
                        "(enforce=restricted:latest) will be ignored"));
}

class AdmissionConfigurationTest : public ::testing::Test {
 protected:
  Result<AdmissionSettings> Read(const std::string& yaml) {
    const std::string path = ::testing::TempDir() + "admission.yaml";
    std::ofstream(path) << "apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\n"
                        << yaml;
    return ReadAdmissionSettings(path, notes_);
  }
  std::vector<std::string> notes_;
};

TEST_F(AdmissionConfigurationTest, APluginIsToldWhatStandsThereOrInAFile) {
  const std::string body = std::string("apiVersion: pod-security.admission.config.k8s.io/v1beta1\n"
                                       "kind: PodSecurityConfiguration\n") +
                           "defaults: {enforce: restricted}\n";
  std::ofstream(::testing::TempDir() + "pods.yaml") << body;
  const auto from_file = Read("plugins: [{name: PodSecurity, path: pods.yaml}]\n");
  ASSERT_TRUE(from_file) << from_file.error().message;
  EXPECT_EQ(from_file->pod_security.defaults.enforce.Text(), "restricted:latest");
  const auto within = Read(
      "plugins:\n- name: PodSecurity\n  configuration:\n"
      "    apiVersion: pod-security.admission.config.k8s.io/v1\n"
      "    kind: PodSecurityConfiguration\n    defaults: {audit: baseline}\n");
  ASSERT_TRUE(within) << within.error().message;
  EXPECT_EQ(within->pod_security.defaults.audit.Text(), "baseline:latest");
  EXPECT_THAT(notes_, IsEmpty());
}

TEST_F(AdmissionConfigurationTest, WhatCannotBeHadIsRefusedAndNotIgnored) {
  EXPECT_THAT(Read("plugins: [{name: LimitRanger, configuration: {a: b}}]\n").error().message,
              HasSubstr("cannot be had here, and must not be ignored"));
  EXPECT_TRUE(Read("plugins: [{name: Tomorrow, configuration: {a: b}}]\n"));
  EXPECT_THAT(notes_, Contains(HasSubstr("there is no such plugin here")));
  EXPECT_EQ(
      Read("plugins: [{name: PodSecurity, file: x}]\n").error().message,
      "failed to apply admission: failed to read plugin config: strict decoding error: unknown "
      "field \"plugins[0].file\"");
  EXPECT_EQ(Read("plugins: [{name: 1}]\n").error().message,
            "failed to apply admission: failed to read plugin config: json: cannot unmarshal "
            "number into Go struct field AdmissionPluginConfiguration.plugins.name of type string");
  EXPECT_EQ(Read("plugins: [{name: PodSecurity, configuration: {}}]\n").error().message,
            "failed to apply admission: couldn't init admission plugin \"PodSecurity\": Object "
            "'Kind' is missing in '{}'");
  EXPECT_THAT(Read("plugins: [{name: PodSecurity, path: missing.yaml}]\n").error().message,
              HasSubstr("unable to read admission control configuration from"));
  EXPECT_FALSE(ReadAdmissionSettings("/nowhere.yaml", notes_));
}

}  // namespace
}  // namespace skiff
