#include "apiserver/admission/resource_quota_settings.h"

#include <algorithm>
#include <utility>

#include "api/text/configuration_file.h"
#include "api/violations.h"

namespace skiff {
namespace {

bool IsQuotaConfiguration(const TypeMeta& meta) {
  const std::string_view version = meta.api_version;
  const std::string_view kind = meta.kind;
  if (version == "apiserver.config.k8s.io/v1") return kind == "ResourceQuotaConfiguration";
  return kind == "Configuration" && (version == "resourcequota.admission.k8s.io/v1beta1" ||
                                     version == "resourcequota.admission.k8s.io/v1alpha1");
}

void ReadLimited(ConfigurationReading& in, const Json& json, LimitedResource& to) {
  const auto scope = [&in](const Json& item, QuotaScope& each) {
    in.Object(item, "ScopedResourceSelectorRequirement",
              {{"scopeName", in.Text(each.scope_name, "v1.ResourceQuotaScope")},
               {"operator", in.Text(each.operator_, "v1.ScopeSelectorOperator")},
               {"values", in.Texts(each.values)}});
  };
  in.Object(json, "LimitedResource",
            {{"apiGroup", in.Text(to.group)},
             {"resource", in.Text(to.resource)},
             {"matchContains", in.Texts(to.names)},
             {"matchScopes",
              in.List<QuotaScope>(to.scopes, "v1.ScopedResourceSelectorRequirement", scope)}});
}

Result<ResourceQuotaSettings> ReadSettings(std::string_view text) {
  const YamlDocument yaml = TRY(ParseConfiguration(text));
  const TypeMeta meta = TRY(ConfigurationMeta(yaml.value, text));
  if (!IsQuotaConfiguration(meta)) return Fail(NoSuchConfiguration(meta));
  ResourceQuotaSettings settings;
  ConfigurationReading in("Configuration", yaml.duplicates);
  in.Object(
      yaml.value, "Configuration",
      {{"kind", ConfigurationReading::Pass},
       {"apiVersion", ConfigurationReading::Pass},
       {"limitedResources", in.List<LimitedResource>(settings.limited, "v1.LimitedResource",
                                                     [&](const Json& item, LimitedResource& each) {
                                                       ReadLimited(in, item, each);
                                                     })}});
  TRY(in.End());
  Violations wrong;
  for (size_t i = 0; i < settings.limited.size(); ++i) {
    if (!settings.limited[i].resource.empty()) continue;
    wrong.Required(FieldPath("limitedResources").Index(i).Child("resource"));
  }
  if (!wrong.empty()) return Fail(Reason::kInvalid, wrong.Text());
  return settings;
}

}  // namespace

Result<ResourceQuotaSettings> ReadResourceQuotaSettings(std::string_view text) {
  auto settings = ReadSettings(text);
  if (settings) return settings;
  return Fail(Reason::kInvalid,
              "couldn't init admission plugin \"ResourceQuota\": " + settings.error().message);
}

std::set<std::string> ResourceQuotaSettings::LimitedNames(const QuotaObject& object) const {
  std::set<std::string> names;
  for (const LimitedResource& each : limited) {
    if (each.group != object.kind.group || each.resource != object.kind.resource) continue;
    for (const auto& [name, amount] : UsageOf(object)) {
      const bool is_meant = std::ranges::any_of(each.names, [&](const std::string& part) {
        return name.find(part) != std::string::npos;
      });
      if (is_meant && Quantity() < amount) names.insert(name);
    }
  }
  return names;
}

std::vector<QuotaScope> ResourceQuotaSettings::LimitedScopes(const QuotaObject& object) const {
  std::vector<QuotaScope> scopes;
  for (const LimitedResource& each : limited) {
    for (QuotaScope& scope : ScopesWith(each.scopes, object)) scopes.push_back(std::move(scope));
  }
  return scopes;
}

}  // namespace skiff
