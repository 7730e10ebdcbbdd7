#include "controllers/nodes/node_figures.h"

namespace skiff {
namespace {

std::string NodeFigureName(const char* name) {
  return std::string("node_collector_") + name;
}

// As kube-controller-manager calls a zone: no label can have what stands between its parts.
std::string ZoneLabel(const std::string& zone) {
  const size_t colon = zone.find(':');
  if (zone.size() <= 1 || colon == std::string::npos) return "";
  return zone.substr(0, colon) + std::string(":\0:", 3) + zone.substr(colon + 1);
}

std::vector<double> FourTimesEach(double first) {
  constexpr size_t kBounds = 8;
  std::vector<double> bounds;
  for (double bound = first; bounds.size() < kBounds; bound *= 4) bounds.push_back(bound);
  return bounds;
}

double LookSeconds(Duration took) {
  return std::chrono::duration<double>(took).count();
}

}  // namespace

NodeFigures::NodeFigures(MetricRegistry* registry) : is_asked_for_(registry != nullptr) {
  if (registry == nullptr) return;
  const auto add = [&](const char* name, const char* help, Figure figure) {
    registry->AddMeasured({NodeFigureName(name), help, {"zone"}},
                          [of = zones_, figure] { return Each(*of, figure); });
  };
  add("zone_size", "[ALPHA] Nodes of a zone.", Figure::kSize);
  add("unhealthy_nodes_in_zone", "[ALPHA] Nodes of a zone that are not ready.", Figure::kNotReady);
  add("zone_health", "[ALPHA] How many nodes in a hundred of a zone are ready.", Figure::kHealth);
  registry->AddMeasured(
      {NodeFigureName("evictions_total"), "[STABLE] Nodes that were given up.", {"zone"}},
      [of = zones_] { return GivenUp(*of); }, MetricRegistry::MeasuredType::kCounter);
  one_took_ = &registry->AddHistogram({NodeFigureName("update_node_health_duration_seconds"),
                                       "[ALPHA] For how long a node was looked at."},
                                      FourTimesEach(0.001));
  all_took_ = &registry->AddHistogram({NodeFigureName("update_all_nodes_health_duration_seconds"),
                                       "[ALPHA] For how long all nodes were looked at."},
                                      FourTimesEach(0.01));
}

void NodeFigures::Saw(const core_v1::Node* before, const core_v1::Node* now) {
  if (!is_asked_for_) return;
  const MutexLock lock(zones_->mutex);
  zones_->counts.Saw(before, now);
  if (now == nullptr) return;
  int64_t& given_up = zones_->given_up[ZoneOf(*now)];
  const bool had_taint = before != nullptr && !NoExecuteTaintOf(*before).empty();
  if (before != nullptr && !had_taint && !NoExecuteTaintOf(*now).empty()) ++given_up;
}

void NodeFigures::LookedAtOne(Duration took) {
  if (one_took_ != nullptr) one_took_->Observe({}, LookSeconds(took));
}

void NodeFigures::LookedAtAll(Duration took) {
  if (all_took_ != nullptr) all_took_->Observe({}, LookSeconds(took));
}

std::vector<Sample> NodeFigures::Each(Zones& zones, Figure figure) {
  std::vector<Sample> samples;
  const MutexLock lock(zones.mutex);
  for (const auto& [zone, given_up] : zones.given_up) {
    const ZoneCounts::Counts counts = zones.counts.Of(zone);
    const int size = counts.ready + counts.not_ready;
    double value = size;
    if (figure == Figure::kNotReady) value = counts.not_ready;
    if (figure == Figure::kHealth) value = size == 0 ? 100 : 100.0 * counts.ready / size;
    samples.push_back({{ZoneLabel(zone)}, value});
  }
  return samples;
}

std::vector<Sample> NodeFigures::GivenUp(Zones& zones) {
  std::vector<Sample> samples;
  const MutexLock lock(zones.mutex);
  for (const auto& [zone, given_up] : zones.given_up) {
    samples.push_back({{ZoneLabel(zone)}, static_cast<double>(given_up)});
  }
  return samples;
}

}  // namespace skiff
