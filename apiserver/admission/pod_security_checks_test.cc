#include "apiserver/admission/pod_security_checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/codec/typed.h"

namespace skiff {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string SecurityFaults(const SecurityPolicy& policy, const std::string& pod) {
  const auto made = FromJson<core_v1::Pod>(Json::parse(pod));
  if (!made) return made.error().message;
  return FindingsText(CheckPodSecurity(policy, made->metadata, made->spec));
}

constexpr SecurityPolicy kBaselineNow{.level = SecurityLevel::kBaseline};
constexpr SecurityPolicy kRestrictedNow{.level = SecurityLevel::kRestricted};

TEST(PodSecurityChecks, TheFirstVersionIsNotTheLatest) {
  const SecurityPolicy first{.level = SecurityLevel::kBaseline, .minor = 0};
  EXPECT_EQ(first.Text(), "baseline:v1.0");
  EXPECT_EQ(kBaselineNow.Text(), "baseline:latest");
  const std::string pod = R"({"spec": {"containers": [{"name": "c", "livenessProbe":
      {"httpGet": {"host": "h"}}}]}})";
  EXPECT_EQ(SecurityFaults(first, pod), "");
  EXPECT_EQ(SecurityFaults(kBaselineNow, pod),
            "probe or lifecycle host (container \"c\" uses probe or lifecycle host \"h\")");
}

TEST(PodSecurityChecks, APodMayNotRunAsRootWhateverItsContainersSay) {
  EXPECT_THAT(SecurityFaults(kRestrictedNow, R"({"spec": {
      "securityContext": {"runAsNonRoot": false},
      "containers": [{"name": "c", "securityContext": {"runAsNonRoot": true}}]}})"),
              HasSubstr("runAsNonRoot != true (pod must not set "
                        "securityContext.runAsNonRoot=false)"));
}

TEST(PodSecurityChecks, AnAnnotationIsToldWithItsProfile) {
  EXPECT_EQ(
      SecurityFaults(kBaselineNow, R"({"metadata": {"annotations": {
      "container.apparmor.security.beta.kubernetes.io/c": "unconfined"}},
      "spec": {"securityContext": {"appArmorProfile": {"type": "Unconfined"}},
      "containers": [{"name": "c"}]}})"),
      "forbidden AppArmor profiles (pod and annotation must not set AppArmor profile type "
      "to \"Unconfined\", \"container.apparmor.security.beta.kubernetes.io/c=\"unconfined\"\")");
}

TEST(PodSecurityChecks, PortsAndContainersWithHostsAreInTheOrderOfTexts) {
  EXPECT_EQ(SecurityFaults(kBaselineNow, R"({"spec": {"containers": [
      {"name": "c", "ports": [{"hostPort": 80}, {"hostPort": 443}]}]}})"),
            "hostPort (container \"c\" uses hostPorts 443, 80)");
  EXPECT_EQ(SecurityFaults(kBaselineNow, R"({"spec": {"containers": [
      {"name": "d", "livenessProbe": {"tcpSocket": {"host": "h"}}},
      {"name": "c", "livenessProbe": {"tcpSocket": {"host": "g"}}}]}})"),
            "probe or lifecycle host (containers \"c\", \"d\" use probe or lifecycle hosts "
            "\"g\", \"h\")");
}

TEST(PodSecurityChecks, AnnotationsNamedSeccompProfilesOnce) {
  const std::string pod = R"({"metadata": {"annotations": {
      "container.seccomp.security.alpha.kubernetes.io/c": "unconfined",
      "container.seccomp.security.alpha.kubernetes.io/other": "unconfined",
      "seccomp.security.alpha.kubernetes.io/pod": "docker/default"}},
      "spec": {"containers": [{"name": "c"}]}})";
  const auto at = [&](SecurityLevel level, int minor) {
    return SecurityFaults({.level = level, .minor = minor}, pod);
  };
  const std::string fault =
      "seccompProfile (forbidden annotation "
      "container.seccomp.security.alpha.kubernetes.io/c=\"unconfined\")";
  EXPECT_EQ(at(SecurityLevel::kBaseline, 18), fault);
  EXPECT_EQ(at(SecurityLevel::kBaseline, 19), "");
  EXPECT_THAT(at(SecurityLevel::kRestricted, 18), HasSubstr(fault));
  EXPECT_THAT(at(SecurityLevel::kRestricted, 19), Not(HasSubstr("annotation")));
}

}  // namespace
}  // namespace skiff
