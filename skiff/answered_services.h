// Which Services have anything behind them that answers, and what suffers where one has nothing: an
// Ingress that leads to it answers 503. Pure.
//
//   AnsweredServices services(now);
//   services.Add(slice); services.AddIdle("q", labels); services.Add(service);    // All of them,
//   services.TroubleOf(ingress);                                                   // then this.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/gen/core_v1.h"
#include "api/gen/discovery_v1.h"
#include "api/gen/networking_v1.h"
#include "base/clock.h"
#include "client/object_key.h"

namespace skiff {

class AnsweredServices {
 public:
  using Labels = std::map<std::string, std::string>;
  struct Trouble {
    std::string word;     // "answering 503 (no such service)"
    std::string service;  // The first one of which that is so.
  };

  // `started`: when the cluster was started; what it was then is not looked at before a while.
  explicit AnsweredServices(TimePoint now, TimePoint started = {}) : now_(now), started_(started) {}

  void Add(const discovery_v1::EndpointSlice& slice);
  // Labels of pods of which somebody wants none, or none all the time: nothing is wrong where a
  // Service selects those.
  void AddIdle(const std::string& object_namespace, Labels labels);
  void Add(const core_v1::Service& service);
  void Add(const networking_v1::IngressClass& ingress_class);

  // Of one that selects pods and has had no endpoint for a while, ready or not, or endpoints that
  // all lack one of its ports; else "".
  std::string SymptomOf(const core_v1::Service& service) const;
  // Of one of our class, or of none: what others' controllers answer is theirs to say.
  std::optional<Trouble> TroubleOf(const networking_v1::Ingress& ingress) const;

 private:
  struct Endpoints {
    bool any = false;
    bool answer = false;          // Ready, or about to end and serving still.
    std::set<std::string> ports;  // Of the Service, by name, that those have that answer.
    TimePoint changed;
  };
  struct Known {
    bool is_name = false;  // Of something outside, which has ports of its own.
    std::vector<core_v1::ServicePort> ports;
  };
  bool IsIdle(const core_v1::Service& service) const;
  bool Waits(TimePoint since) const;
  // Whether somebody answers, but not at all of these ports.
  static bool LosesPort(const Endpoints& endpoints, const std::vector<core_v1::ServicePort>& ports);
  // Why nobody answers there; "": somebody does.
  std::string TroubleOf(const std::string& object_namespace,
                        const networking_v1::IngressServiceBackend& backend) const;

  const TimePoint now_;
  const TimePoint started_;
  std::map<ObjectKey, Endpoints> endpoints_;
  std::map<ObjectKey, Known> services_;
  std::map<std::string, std::vector<Labels>> idle_;  // By namespace.
  std::set<std::string> classes_;                    // Ours.
};

}  // namespace skiff
