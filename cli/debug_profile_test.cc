#include "cli/debug_profile.h"

#include <gtest/gtest.h>

#include <string>

namespace skiff::cli {
namespace {

// What kubectl 1.35 makes of a container, and of one that has settings already.
TEST(DebugProfile, AllowsWhatItsNameSays) {
  constexpr char kRestricted[] =
      R"({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]},
          "runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}})";
  const struct {
    const char* profile;
    bool on_node;
    const char* before;
    const char* after;
  } cases[] = {
      {"legacy", false, "null", "null"},
      {"general", false, "null", R"({"capabilities": {"add": ["SYS_PTRACE"]}})"},
      {"general", true, "null", "null"},
      {"general", false, R"({"runAsUser": 7, "capabilities": {"add": ["KILL"]}})",
       R"({"runAsUser": 7, "capabilities": {"add": ["KILL", "SYS_PTRACE"]}})"},
      {"baseline", false, R"({"privileged": true})", "null"},
      {"restricted", true, "null", kRestricted},
      {"restricted", false, R"({"privileged": true})", kRestricted},
      {"netadmin", true, "null", R"({"capabilities": {"add": ["NET_ADMIN", "NET_RAW"]}})"},
      {"sysadmin", false, R"({"runAsUser": 7})", R"({"runAsUser": 7, "privileged": true})"}};
  for (const auto& each : cases) {
    const DebugProfile* profile = FindDebugProfile(each.profile);
    ASSERT_NE(profile, nullptr) << each.profile;
    Json container = {{"name", "c"}};
    const Json before = Json::parse(each.before);
    if (!before.is_null()) container["securityContext"] = before;
    ApplyDebugProfile(*profile, each.on_node, container);
    EXPECT_EQ(container.value("securityContext", Json()), Json::parse(each.after)) << each.profile;
  }
  EXPECT_EQ(FindDebugProfile("nope"), nullptr);
}

}  // namespace
}  // namespace skiff::cli
