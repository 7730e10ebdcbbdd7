#include "apiserver/server/flag_checks.h"

#include <fmt/format.h>

#include <algorithm>
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

// Of a group and version, "apps/v1", or a resource of it, "apps/v1/deployments".
bool IsServed(const std::string& key) {
  const auto kinds = BuiltInKinds();
  return std::any_of(kinds.begin(), kinds.end(), [&](const KindInfo* kind) {
    const std::string version(kind->api_version);
    return key == version || key == version + "/" + std::string(kind->resource);
  });
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

Result<> CheckRuntimeConfig(const std::vector<std::string>& items,
                            std::vector<std::string>& notes) {
  for (const std::string& item : items) {
    const size_t equals = item.find('=');
    const std::string key = item.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : item.substr(equals + 1);
    const bool is_on = TRY(SwitchOf(item, value));
    const bool is_preview = key == "api/beta" || key == "api/alpha";
    const bool is_all = key == "api/all" || key == "api/ga" || key == "api/legacy";
    const bool is_served = is_all || IsServed(key);
    if (is_on == is_served) continue;
    if (is_on) {
      notes.push_back(fmt::format("--{}={} has no effect: {}", kRuntimeConfig, item,
                                  is_preview ? "stable versions alone are served"
                                             : "there is no such version here"));
    } else {
      return Invalid(fmt::format(
          "invalid argument {} for \"--{}\" flag: it cannot be had here, and must not be ignored: "
          "all that is there is served",
          Quoted(item), kRuntimeConfig));
    }
  }
  return {};
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
  if (flags.data_dir.empty() && flags.etcd_servers.empty()) {
    return Invalid("--data-dir must not be empty without --etcd-servers");
  }
  return {};
}

}  // namespace skiff
