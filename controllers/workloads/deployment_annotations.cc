#include "controllers/workloads/deployment_annotations.h"

#include <charconv>
#include <set>

#include "api/rules/workloads/rollback.h"

namespace skiff {
namespace {

constexpr size_t kHistoryMax = 2000;

template <typename Number>
std::optional<Number> ReadNumber(const meta_v1::ObjectMeta& metadata, std::string_view name) {
  const auto found = metadata.annotations.find(std::string(name));
  if (found == metadata.annotations.end()) return std::nullopt;
  Number number = 0;
  const std::string& text = found->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

int64_t RevisionOf(const meta_v1::ObjectMeta& metadata) {
  return ReadNumber<int64_t>(metadata, kRevision).value_or(0);
}

std::optional<int> DesiredReplicas(const apps_v1::ReplicaSet& set) {
  return ReadNumber<int>(set.metadata, kDesiredReplicas);
}

std::optional<int> MaxReplicas(const apps_v1::ReplicaSet& set) {
  return ReadNumber<int>(set.metadata, kMaxReplicas);
}

void SetReplicasAnnotations(apps_v1::ReplicaSet& set, int desired, int max) {
  set.metadata.annotations[std::string(kDesiredReplicas)] = std::to_string(desired);
  set.metadata.annotations[std::string(kMaxReplicas)] = std::to_string(max);
}

void CopyAnnotations(const meta_v1::ObjectMeta& deployment, meta_v1::ObjectMeta& set) {
  static const std::set<std::string_view> kOwn = {
      "kubectl.kubernetes.io/last-applied-configuration",
      kRevision,
      kRevisionHistory,
      kDesiredReplicas,
      kMaxReplicas,
      kRollbackTo};
  for (const auto& [name, value] : deployment.annotations) {
    if (!kOwn.contains(name)) set.annotations[name] = value;
  }
}

void RaiseRevision(meta_v1::ObjectMeta& set, int64_t revision) {
  const int64_t old = RevisionOf(set);
  if (old >= revision) return;
  set.annotations[std::string(kRevision)] = std::to_string(revision);
  if (old == 0) return;
  std::string& history = set.annotations[std::string(kRevisionHistory)];
  if (!history.empty()) history += ",";
  history += std::to_string(old);
  while (history.size() > kHistoryMax && history.find(',') != std::string::npos) {
    history.erase(0, history.find(',') + 1);
  }
}

}  // namespace skiff
