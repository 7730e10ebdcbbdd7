#include "controllers/identity/certificate_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "api/pods/conditions.h"
#include "api/pods/node_services.h"
#include "api/rules/core/ip.h"
#include "base/seconds.h"
#include "base/text.h"

namespace skiff::certificates {
namespace {

using certificates_v1::CertificateSigningRequest;
using certificates_v1::CertificateSigningRequestCondition;

constexpr std::string_view kNodeUserPrefix = "system:node:";
constexpr std::string_view kNodeGroup = "system:nodes";
constexpr Duration kDurationMin = 10min;
constexpr Duration kShortDuration = 8h;
constexpr Duration kDecidedLifetime = 1h;
constexpr Duration kPendingLifetime = 24h;

tl::unexpected<Error> Refuse(std::string message) {
  return Fail(Reason::kInvalid, std::move(message));
}

// Keys that are not RSA have no use for key encipherment, so it may be left out.
Result<> CheckExactUsages(const Usages& usages, std::set<std::string> wanted) {
  std::set<std::string> asked(usages.begin(), usages.end());
  asked.insert("key encipherment");
  wanted.insert("key encipherment");
  if (asked == wanted) return {};
  return Refuse(fmt::format("usages did not match [{}]", fmt::join(wanted, " ")));
}

Result<> CheckNode(const CertificateNames& names) {
  if (names.organizations != std::vector<std::string>{std::string(kNodeGroup)}) {
    return Refuse("subject organization is not system:nodes");
  }
  if (!names.common_name.starts_with(kNodeUserPrefix)) {
    return Refuse("subject common name does not begin with system:node:");
  }
  return {};
}

Result<> CheckKubeletClient(const CertificateNames& names, const Usages& usages) {
  TRY(CheckNode(names));
  if (!names.dns_names.empty()) return Refuse("DNS subjectAltNames are not allowed");
  if (!names.emails.empty()) return Refuse("Email subjectAltNames are not allowed");
  if (!names.ip_addresses.empty()) return Refuse("IP subjectAltNames are not allowed");
  if (!names.uris.empty()) return Refuse("URI subjectAltNames are not allowed");
  return CheckExactUsages(usages, {"client auth", "digital signature"});
}

Result<> CheckKubeletServing(const CertificateNames& names, const Usages& usages) {
  TRY(CheckNode(names));
  if (names.dns_names.empty() && names.ip_addresses.empty()) {
    return Refuse("DNS or IP subjectAltName is required");
  }
  if (!names.emails.empty()) return Refuse("Email subjectAltNames are not allowed");
  if (!names.uris.empty()) return Refuse("URI subjectAltNames are not allowed");
  return CheckExactUsages(usages, {"digital signature", "server auth"});
}

Result<> CheckClient(const Usages& usages) {
  bool is_client = false;
  for (const std::string& usage : usages) {
    if (usage == "client auth") {
      is_client = true;
    } else if (usage != "digital signature" && usage != "key encipherment") {
      return Refuse("invalid usage for client certificate: " + usage);
    }
  }
  if (is_client) return {};
  return Refuse("missing required usage for client certificate: client auth");
}

bool Has(const Usages& usages, std::string_view usage) {
  return std::find(usages.begin(), usages.end(), usage) != usages.end();
}

// Of the condition's last change; of the request itself where it does not say.
TimePoint Since(const CertificateSigningRequest& request,
                const CertificateSigningRequestCondition& condition) {
  const Time& time = condition.last_update_time;
  return time.IsZero() ? request.metadata.creation_timestamp.point() : time.point();
}

// By which two names are one to clients, who compare addresses and not texts: "::ffff:10.0.0.1" is
// 10.0.0.1 to those written in Go.
std::string KeyOfName(const std::string& name) {
  if (const auto address = ParseIp(name)) return address->Text();
  std::string key = Lower(name);
  while (key.ends_with('.')) key.pop_back();
  return key;
}

// Who of the nodes has a name that was asked for.
struct Holders {
  bool own = false;
  std::string other;  // Another one that has it; "": none.
};

void NoteHolder(const core_v1::Node& holder, const std::string& name, const std::string& own,
                std::map<std::string, Holders>& asked) {
  const auto found = asked.find(KeyOfName(name));
  if (found == asked.end()) return;
  if (holder.metadata.name == own) {
    found->second.own = true;
  } else {
    found->second.other = holder.metadata.name;
  }
}

// What clients call a Service, the API server first of all, or their own machine; and patterns.
bool IsNoNodesName(const std::string& dns) {
  const std::string name = KeyOfName(dns);
  return name == "localhost" || name.ends_with(".localhost") || name == "kubernetes" ||
         name == "kubernetes.default" || name.ends_with(".svc") ||
         name.find(".svc.") != std::string::npos || name.find('*') != std::string::npos;
}

bool IsNoNodesAddress(const std::string& text, const std::vector<std::string>& service_cidrs) {
  const auto address = ParseIp(text);
  if (!address || !IsGlobalUnicast(*address)) return true;
  return std::any_of(service_cidrs.begin(), service_cidrs.end(), [&](const std::string& each) {
    const auto cidr = ParseCidr(each);
    return cidr && cidr->Contains(*address);
  });
}

}  // namespace

Result<> CheckRequest(std::string_view signer, const CertificateNames& names,
                      const Usages& usages) {
  if (signer == kKubeletClientSigner) return CheckKubeletClient(names, usages);
  if (signer == kKubeletServingSigner) return CheckKubeletServing(names, usages);
  if (signer == kApiServerClientSigner) return CheckClient(usages);
  return Refuse("unknown signer " + std::string(signer));
}

bool IsForOwnNodeServices(const certificates_v1::CertificateSigningRequestSpec& spec) {
  if (spec.signer_name != kApiServerClientSigner ||
      !std::string_view(spec.username).starts_with(kNodeUserPrefix) ||
      std::find(spec.groups.begin(), spec.groups.end(), kNodeGroup) == spec.groups.end()) {
    return false;
  }
  const auto names = NamesOfRequest(spec.request);
  if (!names || !CheckExactUsages(spec.usages, {"client auth", "digital signature"})) return false;
  const bool has_others = !names->dns_names.empty() || !names->ip_addresses.empty() ||
                          !names->emails.empty() || !names->uris.empty();
  const std::string node = spec.username.substr(kNodeUserPrefix.size());
  return !node.empty() && names->common_name == NodeServicesUser(node) && !has_others &&
         names->organizations == std::vector<std::string>{std::string(kNodeServicesGroup)};
}

std::string ServingProblem(const std::string& node, const CertificateNames& names,
                           const std::vector<std::shared_ptr<const core_v1::Node>>& nodes,
                           const std::vector<std::string>& api_server,
                           const std::vector<std::string>& service_cidrs) {
  for (const std::string& dns : names.dns_names) {
    if (IsNoNodesName(dns)) return fmt::format("{} is no node's name", dns);
  }
  for (const std::string& address : names.ip_addresses) {
    if (IsNoNodesAddress(address, service_cidrs)) {
      return fmt::format("{} is no node's address", address);
    }
  }
  // A request may name ten thousands, and so may the status of each node.
  std::vector<std::string> names_asked = names.dns_names;
  names_asked.insert(names_asked.end(), names.ip_addresses.begin(), names.ip_addresses.end());
  std::map<std::string, Holders> asked;
  for (const std::string& name : names_asked) asked.try_emplace(KeyOfName(name));
  for (const std::string& name : api_server) {
    if (asked.contains(KeyOfName(name))) return fmt::format("{} is the API server's", name);
  }
  for (const auto& each : nodes) {
    NoteHolder(*each, each->metadata.name, node, asked);
    for (const auto& address : each->status.addresses) {
      NoteHolder(*each, address.address, node, asked);
    }
  }
  for (const std::string& name : names_asked) {
    const Holders& holders = asked[KeyOfName(name)];
    if (!holders.other.empty()) return fmt::format("node {} has {} too", holders.other, name);
    if (!holders.own) return fmt::format("the node does not have {}", name);
  }
  return "";
}

SigningTerms TermsFor(const certificates_v1::CertificateSigningRequestSpec& spec, TimePoint now,
                      Duration duration_max) {
  Duration duration = duration_max;
  if (spec.expiration_seconds) {
    duration = std::clamp(Seconds(*spec.expiration_seconds), kDurationMin,
                          std::max(kDurationMin, duration_max));
  }
  // A short life is not cut shorter by what is taken off for clocks that differ.
  const TimePoint end = now + duration - (duration < kShortDuration ? Duration(0) : kBackdate);
  return {.not_before = now - kBackdate,
          .not_after = end,
          .digital_signature = Has(spec.usages, "digital signature"),
          .key_encipherment = Has(spec.usages, "key encipherment"),
          .server = Has(spec.usages, "server auth"),
          .client = Has(spec.usages, "client auth")};
}

const CertificateSigningRequestCondition* FindCondition(const CertificateSigningRequest& request,
                                                        std::string_view type) {
  return skiff::FindCondition(request.status.conditions, type);
}

void AddCondition(CertificateSigningRequest& request, std::string type, std::string reason,
                  std::string message) {
  auto& condition = request.status.conditions.emplace_back();
  condition.type = std::move(type);
  condition.status = "True";
  condition.reason = std::move(reason);
  condition.message = std::move(message);
}

TimePoint EndOf(const CertificateSigningRequest& request) {
  const auto* approved = FindCondition(request, "Approved");
  for (const char* type : {"Denied", "Failed"}) {
    if (const auto* condition = FindCondition(request, type)) {
      return Later(Since(request, *condition), kDecidedLifetime);
    }
  }
  const TimePoint created = request.metadata.creation_timestamp.point();
  if (approved == nullptr) {
    // Whoever says anything else of it has taken it up.
    return request.status.conditions.empty() ? Later(created, kPendingLifetime) : TimePoint::max();
  }
  const TimePoint since = Since(request, *approved);
  if (request.status.certificate.empty()) return Later(since, kPendingLifetime);
  const auto expiry = ExpiryOf(request.status.certificate);
  const TimePoint decided = Later(since, kDecidedLifetime);
  return expiry ? std::min(*expiry, decided) : decided;
}

}  // namespace skiff::certificates
