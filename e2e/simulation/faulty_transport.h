// A network between a program and the API server that loses requests and answers.
#pragma once

#include "base/id.h"
#include "client/transport.h"

namespace skiff {

class FaultyTransport final : public Transport {
 public:
  FaultyTransport(Transport& below, Random& random) : below_(below), random_(random) {}
  // Of all requests; 0: a good network.
  void SetLossRate(double rate) { loss_rate_ = rate; }
  int lost() const { return lost_; }
  // A lost request never reaches the server; a lost answer leaves the caller not knowing that the
  // server has done what it asked.
  http::Response Send(http::Request request) override;

 private:
  static http::Response Unreachable();
  Transport& below_;
  Random& random_;
  double loss_rate_ = 0;
  int lost_ = 0;
};

}  // namespace skiff
