#include "skiff/discovery.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "api/values.h"
#include "base/certificates.h"
#include "base/pem.h"
#include "client/kubeconfig.h"

namespace skiff {
namespace {

constexpr char kNewToken[] = "`skiff token create --print-join-command` on the server";

http::Request InfoRequest() {
  http::Request request;
  request.method = "GET";
  request.path =
      fmt::format("/api/v1/namespaces/{}/configmaps/{}", kClusterInfoNamespace, kClusterInfoName);
  request.headers.emplace("Accept", "application/json");
  return request;
}

Result<std::map<std::string, std::string>> DataOf(const http::Response& answer,
                                                  const std::string& server) {
  if (answer.status == 503) {
    return Fail(Reason::kServiceUnavailable,
                fmt::format("no API server answers at {} ({}): check the address, that `skiff up` "
                            "runs there, and that no firewall is between",
                            server, StatusMessage(answer)));
  }
  const Json document = Json::parse(answer.body, nullptr, false);
  if (answer.status != 200 || !document.is_object() || !document.contains("data")) {
    return Fail(Reason::kNotFound,
                fmt::format("{} tells nothing about a cluster to join (HTTP {}): it has no "
                            "ConfigMap kube-public/cluster-info that anyone may read, as clusters "
                            "made by `skiff up` or kubeadm have",
                            server, answer.status));
  }
  std::map<std::string, std::string> data;
  for (const auto& [key, value] : document["data"].items()) {
    if (value.is_string()) data[key] = value.get<std::string>();
  }
  return data;
}

Result<std::map<std::string, std::string>> ReadVerified(const std::string& server,
                                                        const std::string& authority_pem) {
  const auto transport =
      TRY(MakeHttpsTransport({.server = server, .certificate_authority = authority_pem}));
  return DataOf(transport->Send(InfoRequest()), server);
}

Result<Kubeconfig::Cluster> ClusterOf(const std::string& kubeconfig) {
  const auto parsed = TRY(Kubeconfig::Parse(kubeconfig, "/"));
  if (parsed.clusters.size() != 1) {
    return Fail(Reason::kInvalid, "cluster-info does not name exactly one cluster");
  }
  return parsed.clusters.begin()->second;
}

std::string HoursAndMinutes(Duration length) {
  const auto minutes = std::chrono::round<std::chrono::minutes>(length).count();
  return minutes < 60 ? fmt::format("{} min", minutes)
                      : fmt::format("{} h {} min", minutes / 60, minutes % 60);
}

}  // namespace

std::string StatusMessage(const http::Response& answer) {
  const Json status = Json::parse(answer.body, nullptr, false);
  const auto message = status.find("message");
  return message != status.end() && message->is_string() ? message->get<std::string>() : "";
}

Result<Discovered> VerifyClusterInfo(const std::map<std::string, std::string>& data,
                                     const JoinTarget& target) {
  const auto kubeconfig = data.find(std::string(kClusterInfoKubeconfig));
  if (kubeconfig == data.end()) {
    return Fail(Reason::kNotFound, "cluster-info of " + target.server + " holds no kubeconfig");
  }
  const auto signature = data.find(std::string(kClusterInfoSignaturePrefix) + target.token.id);
  if (signature == data.end()) {
    return Fail(Reason::kUnauthorized,
                fmt::format("the cluster at {} does not know the token {}.…: it has expired, was "
                            "deleted, or is another cluster's; make a new one with {}",
                            target.server, target.token.id, kNewToken));
  }
  if (signature->second != SignClusterInfo(target.token, kubeconfig->second)) {
    return Fail(Reason::kUnauthorized,
                fmt::format("the second part of the token {}.… is wrong: copy the whole token, or "
                            "make a new one with {}",
                            target.token.id, kNewToken));
  }
  const Kubeconfig::Cluster cluster = TRY(ClusterOf(kubeconfig->second));
  const auto authorities = SplitCertificates(cluster.certificate_authority_data);
  std::string shown, pinned;
  for (const std::string& pem : authorities) {
    const std::string pin = TRY(PublicKeyPin(pem));
    const auto& wanted = target.authority_pins;
    if (target.any_authority || std::find(wanted.begin(), wanted.end(), pin) != wanted.end()) {
      pinned = JoinPem(pinned, pem);
    }
    shown += (shown.empty() ? "" : ", ") + pin;
  }
  if (!pinned.empty()) {
    return Discovered{cluster.server, cluster.certificate_authority_data, pinned};
  }
  return Fail(Reason::kForbidden,
              fmt::format("the cluster at {} is not the one that --ca-hash names: its authority "
                          "has {}. If that address is right, somebody else may be answering there; "
                          "the right hash is printed by {}",
                          target.server, shown.empty() ? "no certificate" : shown, kNewToken));
}

Result<> CheckClock(std::string_view date, TimePoint now) {
  std::tm parts{};
  if (strptime(std::string(date).c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts) == nullptr) {
    return {};
  }
  // Whoever answers there may claim any year, and TimePoint ends in 2262.
  constexpr int64_t kLast =
      std::chrono::floor<std::chrono::seconds>(TimePoint::max()).time_since_epoch().count();
  const TimePoint theirs{std::chrono::seconds(std::clamp<int64_t>(timegm(&parts), 0, kLast))};
  const Duration ahead = now - theirs;
  if (std::chrono::abs(ahead) <= kClockSkewMax) return {};
  return Fail(Reason::kInvalid,
              fmt::format("this machine's clock is {} {} the server's: certificates and tokens "
                          "would not be valid here. Set the clocks (`timedatectl set-ntp true`, or "
                          "`date -s`) and join again",
                          HoursAndMinutes(std::chrono::abs(ahead)),
                          ahead > Duration(0) ? "ahead of" : "behind"));
}

Result<Discovered> DiscoverCluster(const JoinTarget& target, const Clock& clock) {
  const auto transport =
      TRY(MakeHttpsTransport({.server = target.server, .insecure_skip_tls_verify = true}));
  const http::Response answer = transport->Send(InfoRequest());
  const auto data = TRY(DataOf(answer, target.server));
  Discovered found = TRY(VerifyClusterInfo(data, target));
  // Said by whoever knows the token, so it can be believed; and before TLS fails because of it.
  TRY(CheckClock(answer.Header("Date"), clock.Now()));
  // A server that the pinned authority vouches for says the same, its other authorities included.
  // The address that was given is known to be reachable; the one in cluster-info is in the
  // certificate for sure.
  const auto by_given = ReadVerified(target.server, found.pinned_pem);
  const std::string key(kClusterInfoKubeconfig);
  if (by_given) {
    found.server = target.server;
    if (by_given->contains(key) && by_given->at(key) == data.at(key)) return found;
  } else if (const auto by_own = ReadVerified(found.server, found.pinned_pem); by_own) {
    if (by_own->contains(key) && by_own->at(key) == data.at(key)) return found;
  } else {
    return Fail(Reason::kServiceUnavailable,
                fmt::format("{} answers, but not with a certificate of the cluster's authority "
                            "that names it, and {}, which cluster-info names, does not answer "
                            "here: join by an address that is in the server's certificate",
                            target.server, found.server));
  }
  return Fail(Reason::kConflict,
              "cluster-info changed while it was read, or somebody is between this machine and the "
              "server: join again");
}

}  // namespace skiff
