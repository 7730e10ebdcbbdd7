// skiff token create|list|delete: the tokens by which machines join a cluster.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "client/bootstrap_token.h"
#include "client/client.h"

namespace skiff {

struct NewToken {
  BootstrapSecret secret;
  Duration ttl = 24h;  // 0: it never expires.
};
// Makes it and, when it is for signing, waits until cluster-info bears its signature: then the
// token can be used.
Result<BootstrapToken> CreateToken(Client& client, const Clock& clock, Random& random,
                                   NewToken token);

// "skiff join 10.0.0.5:6443 --token ... --ca-hash ..."
Result<std::string> JoinCommand(Client& client, const BootstrapToken& token);
// Why no other machine can join by it; "" where nothing is known against that.
std::string JoinCommandProblem(const std::string& command);

// kubeadm's table.
std::string DescribeTokens(const std::vector<BootstrapSecret>& tokens, TimePoint now);

int TokenMain(const std::vector<std::string>& args);

}  // namespace skiff
