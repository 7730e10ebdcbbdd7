// Asks a gRPC server whether it is well: grpc.health.v1, without TLS, as probes of pods do.
#pragma once

#include <string>

#include "base/clock.h"

namespace skiff::cri {

struct GrpcHealthRequest {
  std::string host;  // An IP address.
  int port = 0;
  std::string service;  // "": the server as a whole.
  Duration timeout = 1s;
  std::string user_agent;
};

struct GrpcHealthAnswer {
  bool serving = false;
  std::string text;  // Why not, in the kubelet's words.
};

// Blocks until the answer is there, at most for the timeout.
GrpcHealthAnswer CheckGrpcHealth(const GrpcHealthRequest& request);

}  // namespace skiff::cri
