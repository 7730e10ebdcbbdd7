// What a machine that joins learns of a cluster, and how it knows that it is true.
//
// Anyone may read ConfigMap kube-public/cluster-info: where the server is and by which authority it
// is known. The first reading trusts nobody. It is believed when the token signed it (whoever
// answers knows the token's secret) and the authority's key has the hash that was given; then it is
// read once more, now over TLS that this authority vouches for.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "client/bootstrap_token.h"
#include "client/transport.h"

namespace skiff {

struct JoinTarget {
  std::string server;  // "https://10.0.0.5:6443"
  BootstrapToken token;
  std::vector<std::string> authority_pins;  // "sha256:<hex>"; one of them must fit.
  // No hash is asked for: whoever knows the token's secret is believed.
  bool any_authority = false;
};

struct Discovered {
  std::string server;  // By which it was reached, and which its certificate names.
  std::string authority_pem;
  // Those of its certificates that the pins name, or all without pins: only they may vouch for the
  // server. Others that stand beside them are whatever the author of cluster-info liked.
  std::string pinned_pem = {};
};

// Clocks that differ by more than this make certificates and tokens fail in confusing ways.
inline constexpr Duration kClockSkewMax = 5min;

// Of a Status, "" without one: whoever answers there may say anything.
std::string StatusMessage(const http::Response& answer);

// Pure. `data`: of cluster-info, as it was read. The server is the one that it names.
Result<Discovered> VerifyClusterInfo(const std::map<std::string, std::string>& data,
                                     const JoinTarget& target);

// Pure. `date`: the Date header of an answer; "" is no reason to refuse.
Result<> CheckClock(std::string_view date, TimePoint now);

// All of it, once. Errors say what is wrong and how to mend it; ServiceUnavailable and NotFound may
// be mended by waiting, when the server is only being started.
Result<Discovered> DiscoverCluster(const JoinTarget& target, const Clock& clock);

}  // namespace skiff
