// Stands in for IngressLoop where this machine serves no Ingresses: those that a start before this
// one served say so no more, and where somebody expects it to serve them they are told why not.
#pragma once

#include <set>
#include <string>

#include "api/rules/network/ingress_claim.h"
#include "base/log.h"
#include "proxy/ingress/ingress_loop.h"
#include "proxy/ingress/unwritten_statuses.h"

namespace skiff::ingress {

class UnservedIngresses final : public ControlLoop {
 public:
  // `address` is the first one that Ingresses served here had. `why`: an Event for each Ingress
  // that is ours; "": nobody is told, as somebody wanted it so. Before the informers start; they
  // stop before this ends.
  UnservedIngresses(const IngressLoop::Dependencies& dependencies, std::string address,
                    std::string why);
  Duration Step() override;

 private:
  // When to try it again; kNever once none says any more that it is served here.
  Duration Withdraw(const IngressClaim& ours);
  void Tell(const IngressClaim& ours);

  const IngressLoop::Dependencies dependencies_;
  const Informer<networking_v1::Ingress> ingresses_;
  const Informer<networking_v1::IngressClass> classes_;
  const std::string address_;
  const std::string why_;
  const Log log_{"ingress"};
  UnwrittenStatuses unwritten_;
  bool withdrawn_ = false;      // Once: another controller may write what looks like ours.
  std::set<std::string> told_;  // By uid.
};

}  // namespace skiff::ingress
