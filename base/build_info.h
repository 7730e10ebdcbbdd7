// Which build this program is, and the numbers that every program tells of itself.
#pragma once

#include <string>
#include <vector>

namespace skiff {

class MetricRegistry;

// As /version and kubernetes_build_info say it.
struct BuildInfo {
  std::string major = "1";
  std::string minor = "35";
  std::string git_version;
  std::string git_commit = "";
  std::string git_tree_state = "clean";
  std::string build_date = "";
  std::string go_version = "";
  std::string compiler = "gc";
  std::string platform = "linux/amd64";
};
BuildInfo ThisBuild();

// process_*, kubernetes_build_info, and how many metrics the registry, which outlives whoever asks
// it, has by now: registered_metrics_total, and that none of them is hidden or disabled.
void AddProgramMetrics(MetricRegistry& registry);

// version_info, of programs that can take themselves for an older version in Kubernetes.
void AddCompatibilityMetric(MetricRegistry& registry);

// A feature gate of Kubernetes that turns something on or off here.
struct FeatureGate {
  std::string name;
  std::string stage;  // "ALPHA", "BETA", "DEPRECATED"; "": it is there for good.
  bool is_on = false;
};
// kubernetes_feature_enabled.
void AddFeatureMetric(MetricRegistry& registry, std::vector<FeatureGate> gates);

}  // namespace skiff
