#include "cli/version_match.h"

#include "api/text/go_text.h"
#include "base/version.h"
#include "cli/errors.h"

namespace skiff::cli {
namespace {

// "v1.35.6" of "v1.35.6+k3s1": who built it makes no other release.
std::string ReleaseOf(const Json& version) {
  const auto found = version.find("gitVersion");
  if (found == version.end() || !found->is_string()) return "";
  const std::string text = found->get<std::string>();
  return text.substr(0, text.find('+'));
}

// Go's %#v of the struct.
std::string InGo(const Json& version) {
  constexpr std::pair<const char*, const char*> kFields[] = {
      {"Major", "major"},
      {"Minor", "minor"},
      {"EmulationMajor", "emulationMajor"},
      {"EmulationMinor", "emulationMinor"},
      {"MinCompatibilityMajor", "minCompatibilityMajor"},
      {"MinCompatibilityMinor", "minCompatibilityMinor"},
      {"GitVersion", "gitVersion"},
      {"GitCommit", "gitCommit"},
      {"GitTreeState", "gitTreeState"},
      {"BuildDate", "buildDate"},
      {"GoVersion", "goVersion"},
      {"Compiler", "compiler"},
      {"Platform", "platform"}};
  std::string text;
  for (const auto& [name, key] : kFields) {
    const auto found = version.find(key);
    const std::string value =
        found != version.end() && found->is_string() ? found->get<std::string>() : "";
    text += fmt::format("{}{}:{}", text.empty() ? "" : ", ", name, GoQuote(value));
  }
  return "version.Info{" + text + "}";
}

}  // namespace

Json ClientVersion() {
  const std::string version = kKubernetesRelease;
  return {{"gitVersion", version},   {"major", "1"},
          {"minor", "35"},           {"gitCommit", std::string("skiff-") + kSkiffVersion},
          {"gitTreeState", "clean"}, {"platform", "linux/amd64"},
          {"compiler", "gcc"},       {"buildDate", ""},
          {"goVersion", ""}};
}

Result<> CheckServerVersion(Api& api) {
  const auto server = api.Get("/version", {});
  if (!server) return CliError("couldn't read version from server: " + server.error().message);
  const Json client = ClientVersion();
  const Json said = server->is_object() ? *server : Json::object();
  if (ReleaseOf(said) == ReleaseOf(client)) return {};
  return CliError(fmt::format("server version (&{}) differs from client version ({})", InGo(said),
                              InGo(client)));
}

}  // namespace skiff::cli
