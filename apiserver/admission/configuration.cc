#include "apiserver/admission/configuration.h"

#include <fmt/format.h>

#include <filesystem>
#include <utility>

#include "api/text/yaml.h"
#include "apiserver/admission/plugins.h"
#include "apiserver/admission/strict_fields.h"
#include "apiserver/auth/pki.h"

namespace skiff {
namespace {

Result<Json> ReadConfigurationFile(const std::string& path) {
  const auto text = ReadWholeFile(path);
  if (!text) {
    return Fail(Reason::kInvalid,
                fmt::format("unable to read admission control configuration from \"{}\" [{}]", path,
                            text.error().message));
  }
  auto yaml = TRY(ParseYaml(*text));
  if (yaml.duplicates.empty()) return std::move(yaml.value);
  return Fail(Reason::kInvalid,
              fmt::format("{}: strict decoding error: {}", path, yaml.duplicates.front()));
}

// What the plugin is told: what stands there, or in the file that is named there.
Result<Json> ConfigurationOf(const StrictFields& plugin, const std::filesystem::path& folder) {
  if (const Json* const within = plugin.Find("configuration")) return *within;
  const std::string path = plugin.Text("path");
  if (path.empty()) return Json();
  return ReadConfigurationFile((folder / path).string());
}

Result<> TakeConfiguration(const std::string& name, const Json& configuration,
                           AdmissionSettings& settings, std::vector<std::string>& notes) {
  if (configuration.is_null()) return {};
  if (name == "PodSecurity") {
    auto read = ReadPodSecuritySettings(configuration);
    if (!read) return Fail(Reason::kInvalid, name + ": " + read.error().message);
    settings.pod_security = *std::move(read);
    return {};
  }
  const std::string plugin = fmt::format("the configuration of admission plugin \"{}\"", name);
  if (!IsAdmissionPlugin(name)) {
    notes.push_back(plugin + " has no effect: there is no such plugin here");
    return {};
  }
  return Fail(Reason::kInvalid,
              plugin +
                  " cannot be had here, and must not be ignored: PodSecurity alone is told "
                  "anything");
}

}  // namespace

Result<AdmissionSettings> ReadAdmissionSettings(const std::string& path,
                                                std::vector<std::string>& notes) {
  AdmissionSettings settings;
  if (path.empty()) return settings;
  const Json document = TRY(ReadConfigurationFile(path));
  StrictFaults faults;
  const StrictFields all(document, "", {"kind", "apiVersion", "plugins"}, faults);
  const std::string version = all.Text("apiVersion");
  if (all.Text("kind") != "AdmissionConfiguration" ||
      (version != "apiserver.config.k8s.io/v1" && version != "apiserver.config.k8s.io/v1alpha1" &&
       version != "apiserver.k8s.io/v1alpha1")) {
    return Fail(Reason::kInvalid, fmt::format("{}: no kind \"{}\" is registered for version \"{}\"",
                                              path, all.Text("kind"), version));
  }
  const auto plugins = all.Objects("plugins", {"name", "path", "configuration"});
  const auto folder = std::filesystem::absolute(path).parent_path();
  for (const StrictFields& plugin : plugins) {
    const std::string name = plugin.Text("name");
    const Json configuration = TRY(ConfigurationOf(plugin, folder));
    TRY(faults.Check());
    TRY(TakeConfiguration(name, configuration, settings, notes));
  }
  TRY(faults.Check());
  return settings;
}

}  // namespace skiff
