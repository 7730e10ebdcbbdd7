// The ports that HAProxy listens on, as far as they are free: one that is another's is left alone
// and asked for again now and then.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "proxy/ingress/haproxy_config.h"

namespace skiff::ingress {

class IngressPorts {
 public:
  // Whose a port is although nobody listens on it: the name of a Service of type LoadBalancer,
  // whose packets never reach who listens. "" for nobody's.
  using Holder = std::function<std::string(int port)>;

  // `wanted` says which ports, and at which addresses: a port is taken at all of them or at none.
  explicit IngressPorts(HaproxySettings wanted) : wanted_(std::move(wanted)) {}

  // While HAProxy does not run: takes what is free.
  void Choose(const Holder& holder);
  // While it runs: those that stand in its configuration are its own, unless they have a holder by
  // now; others are taken if they are free by now.
  void Choose(const std::string& config_text, const Holder& holder);

  // Whether a port that was taken has a holder by now, and has to be chosen anew.
  bool LostOne(const Holder& holder) const;

  const HaproxySettings& wanted() const { return wanted_; }
  // The settings with the ports that were taken; 0 for the others.
  const HaproxySettings& settings() const { return chosen_; }
  // Why a port is not served: "port 80: ..." by port.
  const std::map<int, std::string>& problems() const { return problems_; }
  bool serves() const { return chosen_.http_port != 0 || chosen_.https_port != 0; }

 private:
  int Take(const std::vector<std::string>& addresses, int port, const std::string& config_text,
           const Holder& holder);

  const HaproxySettings wanted_;
  HaproxySettings chosen_;
  std::map<int, std::string> problems_;
};

}  // namespace skiff::ingress
