#include "apiserver/server/flag_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <span>
#include <utility>

#include "api/rules/core/ip.h"
#include "api/type.h"
#include "apiserver/request/api_errors.h"

namespace skiff {
namespace {

constexpr const char* kRuntimeConfig = "runtime-config";

tl::unexpected<Error> Invalid(std::string message) {
  return Fail(Reason::kInvalid, std::move(message));
}

Result<> CheckAddress(const char* flag, const std::string& address) {
  if (ParseIp(address)) return {};
  return Invalid(fmt::format("invalid argument {0} for \"--{1}\" flag: failed to parse IP: {0}",
                             Quoted(address), flag));
}

bool NamesVersion(const std::string& key, const KindInfo& kind) {
  return key == kind.api_version;
}
bool NamesKind(const std::string& key, const KindInfo& kind) {
  return key == std::string(kind.api_version) + "/" + std::string(kind.resource);
}
bool NamesStability(const std::string& key, const KindInfo& kind) {
  constexpr std::string_view kApi = "api/";
  return key.starts_with(kApi) && kind.version.find(key.substr(kApi.size())) != std::string::npos;
}

// Of a group and version, "apps/v1", or a resource of it, "apps/v1/deployments".
bool IsOf(std::span<const KindInfo* const> kinds, const std::string& key) {
  return std::any_of(kinds.begin(), kinds.end(), [&](const KindInfo* kind) {
    return NamesVersion(key, *kind) || NamesKind(key, *kind);
  });
}

// What a configuration says of a kind that is not served by default: what names it more closely
// goes before what names more than it.
bool IsAskedFor(const std::map<std::string, bool>& config, const KindInfo& kind) {
  bool on = false;
  for (const auto names :
       {+[](const std::string& key, const KindInfo&) { return key == "api/all"; },
        &NamesStability, &NamesVersion, &NamesKind}) {
    for (const auto& [key, value] : config) {
      if (names(key, kind)) on = value;
    }
  }
  return on;
}

Result<bool> SwitchOf(const std::string& item, const std::string& value) {
  for (const char* yes : {"", "1", "t", "T", "true", "TRUE", "True"}) {
    if (value == yes) return true;
  }
  for (const char* no : {"0", "f", "F", "false", "FALSE", "False"}) {
    if (value == no) return false;
  }
  return Invalid(fmt::format("runtime-config invalid key {}", item));
}

}  // namespace

Result<std::vector<const KindInfo*>> CheckRuntimeConfig(const std::vector<std::string>& items,
                                                        std::vector<std::string>& notes) {
  std::map<std::string, bool> config;
  for (const std::string& item : items) {
    const size_t equals = item.find('=');
    const std::string key = item.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : item.substr(equals + 1);
    const bool is_on = TRY(SwitchOf(item, value));
    const bool is_all = key == "api/all" || key == "api/ga" || key == "api/legacy";
    config[key] = is_on;
    if (key == "api/beta" || IsOf(KindsOnRequest(), key)) continue;
    const bool is_served = is_all || IsOf(BuiltInKinds(), key);
    if (is_on == is_served) continue;
    if (is_on) {
      notes.push_back(fmt::format("--{}={} has no effect: {}", kRuntimeConfig, item,
                                  key == "api/alpha" ? "no alpha version is here"
                                                     : "there is no such version here"));
    } else {
      return Invalid(fmt::format(
          "invalid argument {} for \"--{}\" flag: it cannot be had here, and must not be ignored: "
          "all that is there is served",
          Quoted(item), kRuntimeConfig));
    }
  }
  std::vector<const KindInfo*> asked;
  for (const KindInfo* kind : KindsOnRequest()) {
    if (IsAskedFor(config, *kind)) asked.push_back(kind);
  }
  return asked;
}

Result<std::pair<int, int>> ParsePortRange(const std::string& text) {
  const size_t dash = text.find('-');
  int first = 0;
  int last = 0;
  if (dash == std::string::npos || std::sscanf(text.c_str(), "%d-%d", &first, &last) != 2 ||
      first < 1 || last > 65535 || first > last) {
    return Fail(Reason::kInvalid, "invalid argument \"" + text +
                                      "\" for \"--service-node-port-range\" flag: "
                                      "expected hyphenated port range");
  }
  return std::pair(first, last);
}

Result<> CheckServerFlags(const ApiServerFlags& flags) {
  TRY(CheckAddress("bind-address", flags.bind_address));
  if (!flags.advertise_address.empty()) {
    TRY(CheckAddress("advertise-address", flags.advertise_address));
  }
  constexpr int kPortMax = 65535;
  if (flags.secure_port < 1 || flags.secure_port > kPortMax) {
    return Invalid(fmt::format("--secure-port {} must be between 1 and 65535, inclusive. It cannot "
                               "be turned off with 0",
                               flags.secure_port));
  }
  for (const auto& [flag, time] :
       {std::pair("event-ttl", flags.event_ttl),
        std::pair("etcd-compaction-interval", flags.etcd_compaction_interval),
        std::pair("shutdown-delay-duration", flags.shutdown_delay),
        std::pair("storage-initialization-timeout", flags.storage_initialization_timeout)}) {
    if (time < Duration(0)) return Invalid(fmt::format("--{} can not be negative value", flag));
  }
  const FlowControlOptions& flow = flags.flow_control;
  for (const auto& [flag, count] : {std::pair("max-requests-inflight", flow.reading_max),
                                    std::pair("max-mutating-requests-inflight",
                                              flow.writing_max)}) {
    if (count < 0) return Invalid(fmt::format("--{} can not be negative value", flag));
  }
  if (flow.on && flow.reading_max + int64_t{flow.writing_max} == 0) {
    return Invalid("invalid configuration: MaxRequestsInFlight=0 and MaxMutatingRequestsInFlight=0; "
                   "they must add up to something positive");
  }
  // kube-apiserver waits for what it does not serve, and ends.
  if (flags.mutating_policies_act && flags.kinds_on_request.size() < KindsOnRequest().size()) {
    return Invalid("--feature-gates=MutatingAdmissionPolicy=true needs "
                   "--runtime-config=admissionregistration.k8s.io/v1beta1=true");
  }
  if (flags.data_dir.empty() && flags.etcd_servers.empty()) {
    return Invalid("--data-dir must not be empty without --etcd-servers");
  }
  return {};
}

}  // namespace skiff
