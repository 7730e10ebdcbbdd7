// spec.dnsConfig.
#include <numeric>

#include "api/rules/checks.h"
#include "api/rules/pods/pod_spec_validation.h"

namespace skiff {
namespace {

constexpr size_t kNameserversMax = 3;
constexpr size_t kSearchesMax = 32;
constexpr size_t kSearchListBytesMax = 2048;

void ValidateSearches(const std::vector<std::string>& searches, const FieldPath& path,
                      Violations& out) {
  if (searches.size() > kSearchesMax) {
    out.Invalid(path, searches, "must not have more than 32 search paths");
  }
  const size_t bytes =
      std::accumulate(searches.begin(), searches.end(), searches.empty() ? 0 : searches.size() - 1,
                      [](size_t sum, const std::string& search) { return sum + search.size(); });
  if (bytes > kSearchListBytesMax) {
    out.Invalid(path, searches,
                "must not have more than 2048 characters (including spaces) in the search list");
  }
  for (size_t i = 0; i < searches.size(); ++i) {
    if (searches[i] == ".") continue;
    std::string search = searches[i];
    if (search.ends_with('.')) search.pop_back();
    CheckFormat(Dns1123SubdomainWithUnderscoreErrors, search, path.Index(i), out);
  }
}

}  // namespace

void ValidateDns(const core_v1::PodSpec& spec, const FieldPath& path, Violations& out) {
  if (spec.dns_policy == "None") {
    if (!spec.dns_config) {
      return out.Required(path, "must provide `dnsConfig` when `dnsPolicy` is None");
    }
    if (spec.dns_config->nameservers.empty()) {
      return out.Required(path.Child("nameservers"),
                          "must provide at least one DNS nameserver when `dnsPolicy` is None");
    }
  }
  if (!spec.dns_config) return;
  const auto& nameservers = spec.dns_config->nameservers;
  if (nameservers.size() > kNameserversMax) {
    out.Invalid(path.Child("nameservers"), nameservers, "must not have more than 3 nameservers");
  }
  for (size_t i = 0; i < nameservers.size(); ++i) {
    CheckIp(nameservers[i], path.Child("nameservers").Index(i), out);
  }
  ValidateSearches(spec.dns_config->searches, path.Child("searches"), out);
  const auto& options = spec.dns_config->options;
  for (size_t i = 0; i < options.size(); ++i) {
    if (options[i].name.empty()) {
      out.Required(path.Child("options").Index(i), "must not be empty");
    }
  }
}

}  // namespace skiff
