#include "base/build_info.h"

#include <map>
#include <utility>

#include "base/metrics.h"
#include "base/version.h"

namespace skiff {
namespace {

// "STABLE" of "[STABLE] Requests answered."; "" where the help text begins otherwise.
std::string StabilityIn(const std::string& help) {
  const size_t end = help.find(']');
  return help.starts_with('[') && end != help.npos ? help.substr(1, end - 1) : "";
}

}  // namespace

BuildInfo ThisBuild() {
  BuildInfo build;
  build.git_version = std::string(kKubernetesRelease) + "+skiff-" + kSkiffVersion;
  return build;
}

void AddProgramMetrics(MetricRegistry& registry) {
  registry.AddProcessMetrics();
  registry.AddMeasured({"kubernetes_build_info",
                        "[ALPHA] Always 1; the labels say which version this is.",
                        {"git_version", "major", "minor", "git_commit", "git_tree_state",
                         "build_date", "go_version", "compiler", "platform"}},
                       [of = ThisBuild()] {
                         return std::vector<Sample>{
                             {{of.git_version, of.major, of.minor, of.git_commit, of.git_tree_state,
                               of.build_date, of.go_version, of.compiler, of.platform},
                              1}};
                       });
  registry.AddMeasured(
      {"registered_metrics_total",
       "[BETA] Metrics that this program has, by their stability.",
       {"stability_level", "deprecated_version"}},
      [&registry] {
        std::map<std::string, int> counts;
        for (const MetricDescription& each : registry.Descriptions()) {
          const std::string stability = StabilityIn(each.help);
          if (!stability.empty()) ++counts[stability];  // Those of Kubernetes have one.
        }
        std::vector<Sample> samples;
        for (const auto& [stability, count] : counts) {
          samples.push_back({{stability, ""}, static_cast<double>(count)});
        }
        return samples;
      },
      MetricRegistry::MeasuredType::kCounter);
  registry.AddCounter({"hidden_metrics_total", "[BETA] Metrics that are not shown: deprecated."});
  registry.AddCounter({"disabled_metrics_total", "[BETA] Metrics that a flag has turned off."});
}

void AddCompatibilityMetric(MetricRegistry& registry) {
  registry.AddMeasured(
      {"version_info",
       "[ALPHA] Always 1; the labels say which versions this program goes by.",
       {"component", "binary", "emulation", "min_compat"}},
      [] {
        return std::vector<Sample>{{{"kube", kKubernetesRelease + 1, "1.35", "1.34"}, 1}};
      });
}

void AddFeatureMetric(MetricRegistry& registry, std::vector<FeatureGate> gates) {
  registry.AddMeasured({"kubernetes_feature_enabled",
                        "[BETA] Whether a feature gate is on, by its name and stage.",
                        {"name", "stage"}},
                       [gates = std::move(gates)] {
                         std::vector<Sample> samples;
                         for (const FeatureGate& gate : gates) {
                           samples.push_back({{gate.name, gate.stage}, gate.is_on ? 1.0 : 0.0});
                         }
                         return samples;
                       });
}

}  // namespace skiff
