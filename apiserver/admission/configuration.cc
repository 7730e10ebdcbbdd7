#include "apiserver/admission/configuration.h"

#include <fmt/format.h>

#include <filesystem>
#include <utility>

#include "api/codec/json.h"
#include "api/text/configuration_file.h"
#include "apiserver/admission/plugins.h"
#include "apiserver/auth/pki.h"

namespace skiff {
namespace {

constexpr char kAdmissionKind[] = "AdmissionConfiguration";

struct WrittenPlugin {
  std::string name, path;
  Json configuration;
};

Result<std::string> ReadConfigurationFile(const std::string& path) {
  auto text = ReadWholeFile(path);
  if (text) return text;
  return Fail(Reason::kInvalid,
              fmt::format("unable to read admission control configuration from \"{}\" [{}]", path,
                          text.error().message));
}

Result<std::vector<WrittenPlugin>> ReadPlugins(std::string_view text) {
  const YamlDocument yaml = TRY(ParseConfiguration(text));
  const TypeMeta meta = TRY(ServerConfigurationMeta(yaml.value, text));
  if (std::string_view(meta.kind) != kAdmissionKind) {
    return Fail(Reason::kInvalid, "unexpected type: *apiserver." + meta.kind);
  }
  std::vector<WrittenPlugin> plugins;
  ConfigurationReading in(kAdmissionKind, yaml.duplicates);
  in.Object(yaml.value, kAdmissionKind,
            {{"kind", ConfigurationReading::Pass},
             {"apiVersion", ConfigurationReading::Pass},
             {"plugins",
              in.List<WrittenPlugin>(plugins, "v1.AdmissionPluginConfiguration",
                                     [&](const Json& item, WrittenPlugin& plugin) {
                                       in.Object(item, "AdmissionPluginConfiguration",
                                                 {{"name", in.Text(plugin.name)},
                                                  {"path", in.Text(plugin.path)},
                                                  {"configuration", [&](const Json& configuration) {
                                                     plugin.configuration = configuration;
                                                   }}});
                                     })}});
  TRY(in.End());
  return plugins;
}

// What the plugin is told: what stands there, or in the file that is named there. "": nothing.
Result<std::string> ConfigurationOf(const WrittenPlugin& plugin,
                                    const std::filesystem::path& folder) {
  if (!plugin.configuration.is_null()) return DumpJson(plugin.configuration);
  if (plugin.path.empty()) return std::string();
  return ReadConfigurationFile((folder / plugin.path).string());
}

Result<> TakeConfiguration(const std::string& name, const std::string& configuration,
                           AdmissionSettings& settings, std::vector<std::string>& notes) {
  if (configuration.empty()) return {};
  if (name == "PodSecurity") {
    settings.pod_security = TRY(ReadPodSecuritySettings(configuration));
    return {};
  }
  if (name == "ResourceQuota") {
    settings.resource_quota = TRY(ReadResourceQuotaSettings(configuration));
    return {};
  }
  const std::string plugin = fmt::format("the configuration of admission plugin \"{}\"", name);
  if (!IsAdmissionPlugin(name)) {
    notes.push_back(plugin + " has no effect: there is no such plugin here");
    return {};
  }
  return Fail(Reason::kInvalid,
              plugin +
                  " cannot be had here, and must not be ignored: PodSecurity and ResourceQuota "
                  "alone are told anything");
}

}  // namespace

Result<AdmissionSettings> ReadAdmissionSettings(const std::string& path,
                                                std::vector<std::string>& notes) {
  AdmissionSettings settings;
  if (path.empty()) return settings;
  const auto failed = [](const std::string& why) {
    return Fail(Reason::kInvalid, "failed to apply admission: " + why);
  };
  const std::string text = TRY(ReadConfigurationFile(path));
  const auto plugins = ReadPlugins(text);
  if (!plugins) return failed("failed to read plugin config: " + plugins.error().message);
  const auto folder = std::filesystem::absolute(path).parent_path();
  for (const WrittenPlugin& plugin : *plugins) {
    const std::string configuration = TRY(ConfigurationOf(plugin, folder));
    const auto taken = TakeConfiguration(plugin.name, configuration, settings, notes);
    if (!taken) return failed(taken.error().message);
  }
  return settings;
}

}  // namespace skiff
